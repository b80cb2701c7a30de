// The documents of the task metadata endpoint, versions 3 and 4. Pure; member names and their omission are AWS's:
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html
import type { ContainerView, NetworkView, StatsView, TagsView, TaskView } from "./port.ts";

/** Version 2 says what version 3 does. */
export type MetadataVersion = "v2" | "v3" | "v4";

export type Document = Readonly<Record<string, unknown>>;

export function taskDocument(version: MetadataVersion, task: TaskView): Document {
  return present({
    Cluster: task.cluster,
    TaskARN: task.taskArn,
    Family: task.family,
    Revision: task.revision,
    DesiredStatus: task.desiredStatus,
    KnownStatus: task.knownStatus,
    Limits:
      task.limits === undefined ? undefined : present({ CPU: task.limits.cpu, Memory: task.limits.memory }),
    PullStartedAt: time(task.pullStartedAt),
    PullStoppedAt: time(task.pullStoppedAt),
    ExecutionStoppedAt: time(task.executionStoppedAt),
    AvailabilityZone: task.availabilityZone,
    ...(version !== "v4"
      ? {}
      : {
          AvailabilityZoneID: task.availabilityZoneId,
          LaunchType: task.launchType,
          VPCID: task.vpcId,
          ServiceName: task.serviceName,
        }),
    Containers: task.containers.map((container) => containerDocument(version, container)),
  });
}

export function containerDocument(version: MetadataVersion, container: ContainerView): Document {
  return present({
    DockerId: container.dockerId,
    Name: container.name,
    DockerName: container.dockerName,
    Image: container.image,
    ImageID: container.imageId,
    Ports: some(
      container.ports.map((port) =>
        present({
          ContainerPort: port.containerPort,
          Protocol: port.protocol,
          HostPort: port.hostPort,
          HostIp: version !== "v4" ? undefined : port.hostIp,
        }),
      ),
    ),
    Labels: Object.keys(container.labels).length === 0 ? undefined : container.labels,
    DesiredStatus: container.desiredStatus,
    KnownStatus: container.knownStatus,
    ExitCode: container.exitCode,
    Limits: { CPU: container.limits.cpu, Memory: container.limits.memory },
    CreatedAt: time(container.createdAt),
    StartedAt: time(container.startedAt),
    FinishedAt: time(container.finishedAt),
    Type: container.type,
    Health:
      container.health === undefined
        ? undefined
        : present({
            status: container.health.status,
            statusSince: time(container.health.statusSince),
            exitCode: container.health.exitCode,
            output: container.health.output,
          }),
    Volumes: some(
      container.volumes.map((volume) =>
        present({ DockerName: volume.dockerName, Source: volume.source, Destination: volume.destination }),
      ),
    ),
    ...(version !== "v4"
      ? {}
      : {
          LogDriver: container.logDriver,
          LogOptions: container.logOptions,
          ContainerARN: container.containerArn,
          RestartCount: container.restartCount,
        }),
    Networks: some(container.networks.map((network) => networkDocument(version, network))),
  });
}

/** What `taskWithTags` adds to the task's document; version 4 alone says why tags are missing. */
export function tagsDocument(
  version: MetadataVersion,
  { task, containerInstance }: { readonly task: TagsView; readonly containerInstance?: TagsView },
): Document {
  const asked = [
    ["ContainerInstanceTags", containerInstance],
    ["TaskTags", task],
  ] as const;
  const known = asked.flatMap(([name, view]) =>
    view !== undefined && "tags" in view && Object.keys(view.tags).length > 0 ? [[name, view.tags]] : [],
  );
  const errors = asked.flatMap(([name, view]) =>
    view !== undefined && "failure" in view
      ? [
          present({
            ErrorField: name,
            ErrorCode: view.failure.code,
            ErrorMessage: view.failure.message,
            StatusCode: view.failure.status,
            RequestId: view.failure.requestId,
            ResourceARN: view.failure.resourceArn,
          }),
        ]
      : [],
  );
  return present({
    ...(Object.fromEntries(known) as Record<string, unknown>),
    Errors: version === "v4" ? some(errors) : undefined,
  });
}

export function statsDocument(version: MetadataVersion, stats: StatsView | undefined): Document | null {
  if (stats === undefined) return null;
  const { document, networkRate: rate } = stats;
  return version !== "v4" || rate === undefined
    ? document
    : {
        ...document,
        network_rate_stats: {
          rx_bytes_per_sec: rate.rxBytesPerSecond,
          tx_bytes_per_sec: rate.txBytesPerSecond,
        },
      };
}

function networkDocument(version: MetadataVersion, { mode, ipv4Addresses, eni }: NetworkView): Document {
  return present({
    NetworkMode: mode,
    IPv4Addresses: ipv4Addresses,
    ...(eni === undefined || version !== "v4"
      ? {}
      : {
          AttachmentIndex: eni.attachmentIndex,
          MACAddress: eni.macAddress,
          IPv4SubnetCIDRBlock: eni.ipv4SubnetCidrBlock,
          SubnetGatewayIpv4Address: eni.subnetGatewayIpv4Address,
          DomainNameServers: eni.domainNameServers,
          DomainNameSearchList: eni.domainNameSearchList,
          PrivateDNSName: eni.privateDnsName,
        }),
  });
}

function time(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function present(members: Record<string, unknown>): Document {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
