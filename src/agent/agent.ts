// One agent: its parts put together, and its life from start to close. Closing leaves every container running; a new agent over
// the same state and engine goes on where this one ended.
import type { RoleCredentials, WireTask } from "#acs/messages.ts";
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { createAdmission, type PortProbe } from "./admission.ts";
import { agentAttributes, type Abilities } from "./capabilities.ts";
import { createChannels } from "./channels.ts";
import type { AgentConfig } from "./config.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createCredentialStore, type CredentialStore } from "./credentials.ts";
import type { Engine, EngineInfo } from "./engine/port.ts";
import { watchEngine } from "./engine-watch.ts";
import { createImages } from "./hooks/image.ts";
import { createSecretsHook } from "./hooks/secrets.ts";
import { createVolumesHook } from "./hooks/volumes.ts";
import type { TaskHook } from "./hooks/hook.ts";
import type { HostFacts } from "./host-facts.ts";
import { metadataSource } from "./metadata-source.ts";
import type { MetadataSource } from "./metadata/port.ts";
import { resourceTags } from "./metadata/resource-tags.ts";
import type { IdentityDocument } from "./imds-client.ts";
import { AgentExit, registerInstance } from "./register.ts";
import { createAttachments } from "./network/attachments.ts";
import type { HostInterfaces } from "./network/port.ts";
import { createReports, type Reports } from "./reports.ts";
import type { CallAsRole } from "./secrets/service-call.ts";
import type { InstanceRecord, StateStore } from "./state-store.ts";
import { createHostTasks, type HostTasks } from "./tasks.ts";
import { drainOnSpotNotice } from "./spot-notice.ts";
import { createTelemetry } from "./telemetry.ts";

export interface AgentDependencies {
  readonly config: AgentConfig;
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What the host says it is; undefined when nobody vouches for it. */
  readonly identity?: () => Promise<IdentityDocument | undefined>;
  /** What the host's Spot interruption notice announces; asked for only when the configuration says so. */
  readonly spotAction?: () => Promise<string | undefined>;
  /** Where this host is; asked once it is to register. */
  readonly hostFacts?: () => Promise<HostFacts>;
  /** Shared with whatever serves credentials to containers. */
  readonly credentials?: CredentialStore;
  readonly abilities?: Abilities;
  /** Calls to the services that keep secrets; without it tasks with secrets are refused. */
  readonly callAsRole?: CallAsRole;
  /** In order, after the agent's own. */
  readonly hooks?: readonly TaskHook[];
  readonly isPortFree?: PortProbe;
  /** The host's interfaces, for tasks that have one of their own; without it there are none. */
  readonly interfaces?: HostInterfaces;
  /** From where a task with an interface of its own asks the endpoint; undefined while that is not known. */
  readonly endpointAddressOf?: (task: WireTask) => string | undefined;
  readonly version?: { readonly agent: string; readonly hash: string };
  /** Metrics and health go out so often; 20 seconds. */
  readonly telemetryIntervalMs?: number;
}

export interface Agent {
  /** Goes on with the tasks of an earlier life; resolves when it does. Registration follows on its own. */
  start(): Promise<void>;
  /** Resolves with the container instance's ARN once registered; rejects with AgentExit when that cannot be. */
  readonly registered: Promise<string>;
  readonly credentials: CredentialStore;
  /** For whatever serves containers: whether a task has this id, though its credentials may not have come yet. */
  expects(credentialsId: string): boolean;
  readonly metadata: MetadataSource;
  /** The task of a container's metadata id, with its role's credentials when it has any and they have come. */
  taskOf(
    metadataId: string,
  ): { readonly taskArn: string; readonly credentials: RoleCredentials | undefined } | undefined;
  /** Undefined until this host has registered. */
  containerInstanceArn(): string | undefined;
  /** Ends the agent; containers run on. */
  close(): void;
}

const TELEMETRY_INTERVAL_MS = 20_000;
const MIB = 1024 * 1024;
const ENGINE_RETRY = { initialMs: 500, maximumMs: 15_000, factor: 2, jitter: 0.2 };
const IDENTITY_TRIES = 5;

export function createAgent(dependencies: AgentDependencies): Agent {
  const { config, controlPlane, engine, state, clock, random, logger } = dependencies;
  const credentials = dependencies.credentials ?? createCredentialStore();
  const abilities: Abilities = {
    servesCredentials: false,
    limitsTasks: false,
    ...dependencies.abilities,
    taskInterfaces: dependencies.interfaces !== undefined,
    fetchesSecrets: dependencies.callAsRole !== undefined,
    blocksMetadata: config.blocksMetadata,
    external: config.external,
  };
  const closing = new AbortController();
  const { signal } = closing;
  const closers: (() => void)[] = [];
  let hostTasks: HostTasks | undefined;
  const allTasks = () => hostTasks?.all() ?? [];
  let instanceArn: string | undefined;
  let host: HostFacts | undefined;
  let settle: { resolve(arn: string): void; reject(error: unknown): void } | undefined;
  const registered = new Promise<string>((resolve, reject) => (settle = { resolve, reject }));
  // Whoever starts the agent may not ask.
  registered.catch(() => {});

  /** Until it succeeds or the agent is closed: an engine that is being restarted comes back. */
  const whenEngineAnswers = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        logger.warn("The container engine does not answer", { reason: messageOf(error) });
        await sleep(clock, backoffDelay(ENGINE_RETRY, attempt, random), signal);
      }
    }
  };

  const identify = async (): Promise<IdentityDocument | undefined> => {
    for (let attempt = 0; attempt < IDENTITY_TRIES; attempt++) {
      try {
        return await dependencies.identity?.();
      } catch (error) {
        logger.warn("The host's identity is not known yet", { reason: messageOf(error) });
        await sleep(clock, backoffDelay(ENGINE_RETRY, attempt, random), signal);
      }
    }
    return undefined;
  };

  const capacityOf = (info: EngineInfo) => ({
    cpu: Math.round((config.vcpus ?? info.cpus) * 1024),
    memoryMiB: (config.memoryMiB ?? Math.floor(info.memoryBytes / MIB)) - config.reservedMemoryMiB,
    reservedTcpPorts: config.reservedTcpPorts,
    reservedUdpPorts: config.reservedUdpPorts,
    dynamicPorts: config.dynamicPorts,
  });

  const makeTasks = (info: EngineInfo, reports: () => Reports | undefined): HostTasks =>
    createHostTasks({
      engine,
      clock,
      random,
      logger,
      credentials,
      store: state,
      honours: {
        awsvpc: dependencies.interfaces !== undefined,
        secrets: dependencies.callAsRole !== undefined,
        ...lackOf(config.taskRuntime, info),
      },
      admission: createAdmission(capacityOf(info), dependencies.isPortFree),
      images: createImages(engine, config.imagePullBehavior),
      hooks: [
        ...(dependencies.callAsRole === undefined
          ? []
          : [createSecretsHook({ credentials, callAs: dependencies.callAsRole, clock })]),
        createVolumesHook(engine),
        ...(dependencies.hooks ?? []),
      ],
      spec: {
        cluster: config.cluster,
        region: config.region,
        servesCredentials: abilities.servesCredentials,
        ...(config.hostRoot === undefined ? {} : { hostRoot: config.hostRoot }),
        ...(config.taskRuntime === undefined ? {} : { runtime: config.taskRuntime }),
      },
      settings: config,
      onChange: (task) => reports()?.notify(task),
    });

  /** From here on the control plane is needed; what runs does not wait for it. */
  const join = async (info: EngineInfo, known: InstanceRecord | undefined) => {
    const identity = await identify();
    if (identity?.instanceId !== undefined && known?.ec2InstanceId !== undefined) {
      if (identity.instanceId !== known.ec2InstanceId) {
        await state.clear();
        throw new AgentExit(1, `The stored state was of ${known.ec2InstanceId}; it is forgotten.`);
      }
    }
    // Only the metadata of tasks is poorer without.
    host = await dependencies.hostFacts?.().catch((error: unknown) => {
      logger.warn("Where this host is is not known", { reason: messageOf(error) });
      return undefined;
    });
    const containerInstanceArn = await registerInstance({
      ...dependencies,
      capacity: capacityOf(info),
      attributes: agentAttributes(config, info, abilities),
      identity,
      containerInstanceArn: known?.containerInstanceArn,
      signal,
    });
    const record: InstanceRecord = {
      containerInstanceArn,
      cluster: config.cluster,
      manifestNumber: known?.manifestNumber ?? -1,
      ...(identity?.instanceId === undefined ? {} : { ec2InstanceId: identity.instanceId }),
    };
    instanceArn = containerInstanceArn;
    await state.saveInstance(record);
    logger.info("This host is a container instance", { containerInstanceArn });
    return { containerInstanceArn, record };
  };

  const run = async (): Promise<void> => {
    const stored = await state.load();
    const known = stored.instance;
    instanceArn = known?.containerInstanceArn;
    if (known !== undefined && known.cluster !== config.cluster)
      throw new AgentExit(5, `The stored state is of cluster ${known.cluster}, not of ${config.cluster}.`);
    const info = await whenEngineAnswers(() => engine.info());
    let reports: Reports | undefined;
    const tasks = makeTasks(info, () => reports);
    hostTasks = tasks;
    closers.push(() => tasks.close());
    await whenEngineAnswers(() => tasks.restore(stored.tasks));
    closers.push(watchEngine({ engine, tasks, clock, random, logger, signal }));

    const connect = async () => {
      const { containerInstanceArn, record } = await join(info, known);
      reports = createReports({ controlPlane, cluster: config.cluster, clock, random, logger });
      closers.push(() => reports?.close());
      for (const task of tasks.all()) reports.notify(task);
      const telemetry = createTelemetry({
        engine,
        cpus: config.vcpus ?? info.cpus,
        cluster: config.cluster,
        tasks: () => tasks.all(),
        intervalMs: dependencies.telemetryIntervalMs ?? TELEMETRY_INTERVAL_MS,
        clock,
        random,
        logger,
      });
      const { interfaces } = dependencies;
      const channels = createChannels({
        ...dependencies,
        ...(interfaces === undefined
          ? {}
          : {
              attachments: createAttachments({
                ...dependencies,
                interfaces,
                cluster: config.cluster,
                signal,
              }),
            }),
        record,
        tasks,
        credentials,
        telemetry,
        dockerVersion: info.version,
        signal,
      });
      closers.push(() => channels.close());
      if (config.drainsOnSpotNotice && dependencies.spotAction !== undefined) {
        const { spotAction } = dependencies;
        void drainOnSpotNotice({ ...dependencies, spotAction, containerInstanceArn, signal });
      }
      settle?.resolve(containerInstanceArn);
    };
    void connect().catch((error: unknown) => settle?.reject(error));
  };

  return {
    credentials,
    registered,
    metadata: metadataSource({
      tasks: allTasks,
      engine,
      cluster: config.cluster,
      runtime: config.taskRuntime,
      addressOf: ({ task }) => dependencies.endpointAddressOf?.(task),
      tags: (resourceArn) => resourceTags({ controlPlane, clock, random }, resourceArn),
      containerInstanceArn: () => instanceArn,
      host: () => host,
    }),
    taskOf(metadataId) {
      for (const { state: task } of allTasks()) {
        if (!task.containers.some((c) => c.metadataId === metadataId)) continue;
        const { credentialsId } = task;
        return {
          taskArn: task.task.arn,
          credentials: credentialsId === undefined ? undefined : credentials.get(credentialsId),
        };
      }
      return undefined;
    },
    containerInstanceArn: () => instanceArn,
    expects(credentialsId) {
      for (const { state: task } of allTasks())
        if (task.credentialsId === credentialsId || task.executionCredentialsId === credentialsId)
          return true;
      return false;
    },
    async start() {
      try {
        await run();
      } catch (error) {
        settle?.reject(error);
        throw error;
      }
    },
    close() {
      closing.abort(new Error("The agent is closing."));
      for (const close of closers.reverse()) close();
    },
  };
}

/** Which runtime this host's tasks should have and its engine does not offer. */
function lackOf(
  wanted: AgentConfig["taskRuntime"],
  { runtimes = ["runc"] }: EngineInfo,
): { readonly lacksRuntime?: string } {
  return wanted === undefined || runtimes.includes(wanted) ? {} : { lacksRuntime: wanted };
}
