// What the task metadata endpoint tells of this host's tasks, read from their states. Pure but for the look-up.
import type { ContainerView, MetadataSource, TaskView } from "./metadata/port.ts";
import { labelsOf } from "./container-spec.ts";
import { definitionOf, isStopped, rank, type TaskContainer, type TaskState } from "./task/state.ts";
import { volumeSource } from "./volume-source.ts";

export function metadataSource(
  tasks: () => Iterable<{ readonly state: TaskState }>,
  cluster: string,
): MetadataSource {
  return {
    find(metadataId) {
      for (const { state } of tasks()) {
        const index = state.containers.findIndex((c) => c.metadataId === metadataId);
        if (index < 0) continue;
        const task = taskView(state, cluster);
        const container = task.containers[index];
        return container === undefined ? undefined : { task, container };
      }
      return undefined;
    },
  };
}

function taskView(state: TaskState, cluster: string): TaskView {
  const { task } = state;
  const least = state.containers.reduce((a, b) => (rank(a.status) <= rank(b.status) ? a : b));
  return {
    cluster,
    taskArn: task.arn,
    family: task.family,
    revision: task.version,
    desiredStatus: state.desired,
    knownStatus: isStopped(state) ? "STOPPED" : least.status,
    containers: state.containers.map((c) => containerView(state, c, cluster)),
    ...(task.cpu === undefined && task.memory === undefined
      ? {}
      : {
          limits: {
            ...(task.cpu === undefined ? {} : { cpu: task.cpu }),
            ...(task.memory === undefined ? {} : { memory: task.memory }),
          },
        }),
    ...present("pullStartedAt", state.pullStartedAt),
    ...present("pullStoppedAt", state.pullStoppedAt),
    ...present("executionStoppedAt", state.executionStoppedAt),
    ...present("launchType", task.launchType),
    ...present("serviceName", task.serviceName),
  };
}

function containerView(state: TaskState, container: TaskContainer, cluster: string): ContainerView {
  const { task } = state;
  const definition = definitionOf(state, container.name);
  return {
    dockerId: container.runtimeId ?? "",
    name: container.name,
    dockerName: container.dockerName,
    image: definition.image,
    imageId: container.imageId ?? "",
    desiredStatus: state.desired,
    knownStatus: container.status,
    limits: { cpu: definition.cpu, memory: definition.memory },
    type: "NORMAL",
    ports: container.ports.map((p) => ({
      containerPort: p.containerPort,
      protocol: p.protocol,
      hostPort: p.hostPort,
      hostIp: p.hostIp,
    })),
    labels: labelsOf(task, container.name, { cluster }),
    networks: [{ mode: task.networkMode ?? "bridge", ipv4Addresses: [] }],
    volumes: definition.mountPoints.flatMap((mount) => {
      const volume = task.volumes.find((v) => v.name === mount.sourceVolume);
      return volume === undefined
        ? []
        : [{ source: volumeSource(task, volume), destination: mount.containerPath }];
    }),
    ...present("exitCode", container.exitCode),
    ...present("startedAt", container.startedAt),
    ...present("finishedAt", container.finishedAt),
    ...(container.health === undefined
      ? {}
      : { health: { status: container.health.status, statusSince: container.health.since } }),
    ...present("containerArn", definition.containerArn),
    ...(definition.restartPolicy?.enabled === true ? { restartCount: container.restartCount } : {}),
  };
}

const present = <K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: T };
