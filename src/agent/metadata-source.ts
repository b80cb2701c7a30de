// What the task metadata endpoint tells of this host's tasks: their states, and what the engine says of their containers at the
// moment of asking, since a container asks before the agent has heard that it runs.
import type { WireContainer } from "#acs/messages.ts";
import type { HostFacts } from "./host-facts.ts";
import type { TaskRuntime } from "#domain/ecs/fargate.ts";
import { clusterOf, LOG_CREDENTIALS_OPTION, labelsOf } from "./container-spec.ts";
import type { ContainerState, Engine } from "./engine/port.ts";
import { networkRate } from "./metadata/network-rate.ts";
import { networkView } from "./metadata/network-view.ts";
import type { ContainerView, MetadataSource, TagsView, TaskView } from "./metadata/port.ts";
import { definitionOf, isStopped, rank, type TaskContainer, type TaskState } from "./task/state.ts";
import { volumeSource } from "./volume-source.ts";

export interface MetadataSourceParts {
  readonly tasks: () => Iterable<{ readonly state: TaskState }>;
  readonly engine: Pick<Engine, "inspect" | "sampleStats">;
  /** As configured, a name or an ARN. */
  readonly cluster: string;
  /** What starts tasks' containers, where it was said. */
  readonly runtime?: TaskRuntime | undefined;
  /** The address from which a task with an interface of its own asks; undefined for other tasks. */
  readonly addressOf: (state: TaskState) => string | undefined;
  readonly tags: (resourceArn: string) => Promise<TagsView>;
  /** Undefined until registered. */
  readonly containerInstanceArn: () => string | undefined;
  readonly host: () => HostFacts | undefined;
}

/** Health check output beyond this is cut off. */
const MAXIMUM_OUTPUT = 1024;

export function metadataSource(parts: MetadataSourceParts): MetadataSource {
  const { engine } = parts;
  /** Two askers at once share what the engine reads for one. */
  const reading = new Map<string, ReturnType<MetadataSource["stats"]>>();

  const view = async (state: TaskState): Promise<TaskView> => {
    const seen = await Promise.all(
      state.containers.map(async ({ runtimeId }) =>
        runtimeId === undefined ? undefined : engine.inspect(runtimeId).catch(() => undefined),
      ),
    );
    return taskView(state, seen, parts);
  };
  const readStats: MetadataSource["stats"] = async (dockerId) => {
    const samples = await engine.sampleStats(dockerId);
    if (samples === undefined) return undefined;
    const rate = networkRate(...samples);
    return { document: samples[1], ...(rate === undefined ? {} : { networkRate: rate }) };
  };

  return {
    async find(metadataId) {
      for (const { state } of parts.tasks()) {
        const index = state.containers.findIndex((c) => c.metadataId === metadataId);
        if (index < 0) continue;
        const task = await view(state);
        const container = task.containers[index];
        return container === undefined ? undefined : { task, container };
      }
      return undefined;
    },
    async findByAddress(address) {
      for (const { state } of parts.tasks())
        if (!isStopped(state) && parts.addressOf(state) === address) return view(state);
      return undefined;
    },
    async all() {
      const views: TaskView[] = [];
      for (const { state } of [...parts.tasks()])
        if (state.containers.length > 0) views.push(await view(state));
      return views;
    },
    stats(dockerId) {
      const underWay = reading.get(dockerId) ?? readStats(dockerId).finally(() => reading.delete(dockerId));
      reading.set(dockerId, underWay);
      return underWay;
    },
    async tags(taskArn) {
      const instanceArn = parts.containerInstanceArn();
      const [task, containerInstance] = await Promise.all([
        parts.tags(taskArn),
        instanceArn === undefined ? undefined : parts.tags(instanceArn),
      ]);
      return { task, ...(containerInstance === undefined ? {} : { containerInstance }) };
    },
  };
}

type Seen = ContainerState | undefined;

function taskView(state: TaskState, seen: readonly Seen[], parts: MetadataSourceParts): TaskView {
  const { task } = state;
  const isFargate = task.launchType === "FARGATE";
  const cluster = clusterOf(task, parts.cluster);
  const containers = state.containers.map((c, i) => containerView(state, c, seen[i], { ...parts, cluster }));
  const least = containers.reduce((a, b) => (rankOf(a) <= rankOf(b) ? a : b));
  const host = parts.host();
  return {
    cluster,
    taskArn: task.arn,
    family: task.family,
    revision: task.version,
    desiredStatus: state.desired,
    knownStatus: isStopped(state) ? "STOPPED" : least.knownStatus,
    containers,
    ...(task.cpu === undefined && task.memory === undefined
      ? {}
      : { limits: { ...present("cpu", task.cpu), ...present("memory", task.memory) } }),
    ...present("pullStartedAt", state.pullStartedAt),
    ...present("pullStoppedAt", state.pullStoppedAt),
    ...present("executionStoppedAt", state.executionStoppedAt),
    ...present("launchType", task.launchType),
    ...present("serviceName", task.serviceName),
    ...present("availabilityZone", host?.availabilityZone),
    ...present("availabilityZoneId", host?.availabilityZoneId),
    // The host's network is not the task's.
    ...(isFargate ? {} : present("vpcId", host?.vpcId)),
  };
}

const rankOf = ({ knownStatus }: ContainerView): number => rank(knownStatus as TaskContainer["status"]);

function containerView(
  state: TaskState,
  container: TaskContainer,
  seen: Seen,
  { cluster, runtime }: Pick<MetadataSourceParts, "cluster" | "runtime">,
): ContainerView {
  const { task } = state;
  const definition = definitionOf(state, container.name);
  // The engine knows of the start before this agent does; of an end, the agent alone knows whether it is one.
  const runs = seen?.status === "running" && container.status !== "STOPPED";
  return {
    dockerId: container.runtimeId ?? "",
    name: container.name,
    dockerName: container.dockerName,
    image: definition.image,
    imageId: container.imageId ?? seen?.imageId ?? "",
    desiredStatus: state.desired,
    knownStatus: runs ? "RUNNING" : container.status,
    limits: { cpu: definition.cpu, memory: definition.memory },
    type: "NORMAL",
    ports: (runs ? seen.ports : container.ports).map((p) => ({
      containerPort: p.containerPort,
      protocol: p.protocol,
      hostPort: p.hostPort,
      hostIp: p.hostIp,
    })),
    labels: labelsOf(task, container.name, { cluster, ...present("runtime", runtime) }),
    networks: [networkView(task, seen?.addresses ?? [])],
    volumes: definition.mountPoints.flatMap((mount) => {
      const volume = task.volumes.find((v) => v.name === mount.sourceVolume);
      return volume === undefined
        ? []
        : [{ source: volumeSource(task, volume), destination: mount.containerPath }];
    }),
    ...present("exitCode", container.exitCode),
    ...present("createdAt", seen?.createdAt),
    ...present("startedAt", runs ? (seen.startedAt ?? container.startedAt) : container.startedAt),
    ...present("finishedAt", container.finishedAt),
    ...present("health", healthView(container, seen)),
    ...present("logDriver", seen?.log?.driver),
    ...present("logOptions", seen?.log && shownOptions(definition, seen.log.options)),
    ...present("containerArn", definition.containerArn),
    ...(definition.restartPolicy?.enabled === true ? { restartCount: container.restartCount } : {}),
  };
}

/** Without the values of secrets, and without the path at which the log driver gets its credentials. */
function shownOptions(
  { secrets = [] }: WireContainer,
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const secret = new Set(secrets.flatMap((s) => (s.target === "LOG_DRIVER" ? [s.name] : [])));
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => name !== LOG_CREDENTIALS_OPTION && !secret.has(name)),
  );
}

function healthView({ health }: TaskContainer, seen: Seen): ContainerView["health"] {
  if (health === undefined) return undefined;
  const probe = seen?.probe;
  return {
    status: health.status,
    statusSince: health.since,
    ...(probe === undefined
      ? {}
      : { exitCode: probe.exitCode, output: probe.output.slice(0, MAXIMUM_OUTPUT) }),
  };
}

const present = <K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: T };
