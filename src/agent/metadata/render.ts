// The documents of the task metadata endpoint, versions 3 and 4. Pure; member names and their omission are AWS's:
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html
import type { ContainerView, NetworkView, TaskView } from "./port.ts";

export type MetadataVersion = "v3" | "v4";

type Document = Readonly<Record<string, unknown>>;

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
    ...(version === "v3"
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
          HostIp: version === "v3" ? undefined : port.hostIp,
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
        : present({ status: container.health.status, statusSince: time(container.health.statusSince) }),
    Volumes: some(
      container.volumes.map((volume) =>
        present({ DockerName: volume.dockerName, Source: volume.source, Destination: volume.destination }),
      ),
    ),
    ...(version === "v3"
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

function networkDocument(version: MetadataVersion, { mode, ipv4Addresses, eni }: NetworkView): Document {
  return present({
    NetworkMode: mode,
    IPv4Addresses: ipv4Addresses,
    ...(eni === undefined || version === "v3"
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
