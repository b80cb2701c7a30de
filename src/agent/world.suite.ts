// Agents in one process with the control plane's own fleet: memory rows, memory channels, simulated engines, one test clock.
import { silentLogger } from "#lib/logger.ts";
import { seededRandom, type Random } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { memoryDuplexPair, type Duplex } from "#acs/duplex.ts";
import { clusterArn, containerArn, containerInstanceArn, taskArn } from "#domain/ecs/arns.ts";
import { containerInstanceKey, type InstanceAttribute } from "#domain/ecs/container-instance.ts";
import { taskDefinitionKey, type ContainerDefinition } from "#domain/ecs/task-definition.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { stopTask, type TaskReport } from "#domain/ecs/task-transitions.ts";
import { createFleet, type Fleet } from "#fleet/fleet.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { Store } from "#store/store.ts";
import * as ecs from "#store/tables/ecs.ts";
import { createAgent, type Agent, type AgentDependencies } from "./agent.ts";
import { readAgentConfig } from "./config.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";
import { createSimEngine, type SimEngine } from "./engine/sim/sim-engine.ts";
import { createMemoryStateStore, type StateStore } from "./state-store.ts";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";
export const CLUSTER = "main";
const GIB = 1024 ** 3;

type Submit = Readonly<Record<string, unknown>> & {
  readonly task: string;
  readonly status: "PENDING" | "RUNNING" | "STOPPED";
  readonly reason?: string;
  readonly containers?: readonly (Readonly<Record<string, unknown>> & { readonly containerName: string })[];
};

export interface World {
  readonly clock: TestClock;
  readonly random: Random;
  readonly store: Store;
  fleet: Fleet;
  /** Every call that reached the control plane. */
  readonly calls: { readonly operation: string; readonly input: Readonly<Record<string, unknown>> }[];
  /** Set: every call and upgrade fails so. */
  outage: CallFailed | undefined;
  readonly controlPlane: ControlPlane;
  /** Open channels, as the server holds them. */
  readonly open: Set<Duplex>;
  startAgent(host: Host, more?: Partial<AgentDependencies>): Promise<Agent>;
  /** A new server over the same rows. */
  restartServer(): Promise<void>;
  /** A task on the instance, as placement would store it. */
  placeTask(instanceArn: string, id: string, containers: readonly ContainerDefinition[]): Promise<string>;
  stopTask(id: string): Promise<void>;
  task(id: string): TaskRow;
  /** Lets time go on until the condition holds. */
  until(condition: () => boolean, seconds?: number): Promise<void>;
}

/** What outlives an agent. */
export interface Host {
  readonly engine: SimEngine;
  readonly state: StateStore;
}

export const agentConfig = (more: Readonly<Record<string, string>> = {}) =>
  readAgentConfig(
    {
      ECS_CLUSTER: CLUSTER,
      AWS_DEFAULT_REGION: REGION,
      ECS_BACKEND_HOST: "http://127.0.0.1:1",
      ECS_AVAILABLE_LOGGING_DRIVERS: '["json-file"]',
      ...more,
    },
    "",
  );

const issuer = {
  credentialsId: (arn: string, role: string) => `${role}-${arn.slice(-4)}`,
  forInstance: () => ({ accessKeyId: "A", secretAccessKey: "s", sessionToken: "t", expiration: 0 }),
  forTask: ({ roleArn }: { readonly roleArn: string }) => ({
    accessKeyId: "ASIA",
    secretAccessKey: "secret",
    sessionToken: roleArn,
    expiration: Date.UTC(2026, 0, 2),
  }),
};

export async function createWorld(seed = 1): Promise<World> {
  const clock = new TestClock();
  const random = seededRandom(seed);
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(ecs),
  });
  const newFleet = () => createFleet({ store, issuer, clock, random, logger: silentLogger, graceMs: 10_000 });
  let instances = 0;
  const open = new Set<Duplex>();
  const calls: World["calls"] = [];

  const operations: Readonly<Record<string, (input: never) => Promise<Readonly<Record<string, unknown>>>>> = {
    async RegisterContainerInstance(input: {
      readonly containerInstanceArn?: string;
      readonly attributes: readonly InstanceAttribute[];
      readonly totalResources: readonly { readonly name: string; readonly integerValue?: number }[];
    }) {
      const id = input.containerInstanceArn?.split("/").at(-1) ?? String(++instances).padStart(32, "0");
      const arn = containerInstanceArn(REGION, ACCOUNT, CLUSTER, id);
      const whole = (name: string) => input.totalResources.find((r) => r.name === name)?.integerValue ?? 0;
      const key = containerInstanceKey(REGION, CLUSTER, id);
      await store.transact((tx) => {
        if (tx.get(ecs.containerInstances, key) !== undefined) return;
        tx.put(ecs.containerInstances, key, {
          arn,
          id,
          region: REGION,
          clusterName: CLUSTER,
          clusterArn: clusterArn(REGION, ACCOUNT, CLUSTER),
          status: "ACTIVE",
          agentConnected: false,
          registeredAt: clock.now(),
          versionInfo: {},
          registered: { cpu: whole("CPU"), memoryMiB: whole("MEMORY") },
          reservedTcpPorts: [],
          reservedUdpPorts: [],
          attributes: input.attributes,
          availabilityZone: "us-east-1a",
          version: 1,
          tags: {},
        });
      });
      return { containerInstance: { containerInstanceArn: arn, attributes: input.attributes } };
    },
    async SubmitTaskStateChange({ task, status, reason, containers = [] }: Submit) {
      const report = {
        status,
        ...(reason ? { reason } : {}),
        containers: containers.map(({ containerName, ...rest }) => ({ name: containerName, ...rest })),
      } as TaskReport;
      await world.fleet.ingest.taskReport({ taskArn: task, ...report });
      return { acknowledgment: "ACK" };
    },
  };

  const world: World = {
    clock,
    random,
    store,
    fleet: newFleet(),
    calls,
    outage: undefined,
    open,
    controlPlane: {
      async call(operation, input) {
        if (world.outage !== undefined) throw world.outage;
        calls.push({ operation, input });
        const handle = operations[operation];
        if (handle === undefined) throw new CallFailed("ClientException", `There is no ${operation} here.`);
        // As over the wire: plain JSON both ways.
        return handle(JSON.parse(JSON.stringify(input)) as never);
      },
      async open(query) {
        if (world.outage !== undefined) throw world.outage;
        const admission = world.fleet.admit(query);
        if ("refusal" in admission) throw new CallFailed(admission.refusal, admission.refusal);
        const [agentEnd, serverEnd] = memoryDuplexPair();
        open.add(agentEnd);
        if (query.channel === "acs") world.fleet.acceptAcs(serverEnd, query);
        else world.fleet.acceptTcs(serverEnd, query);
        return agentEnd;
      },
    },
    async startAgent(host, more = {}) {
      const agent = createAgent({
        config: agentConfig(),
        controlPlane: world.controlPlane,
        ...host,
        clock,
        random,
        logger: silentLogger,
        ...more,
      });
      await agent.start();
      return agent;
    },
    async restartServer() {
      await world.fleet.close();
      world.fleet = newFleet();
      await world.fleet.start();
    },
    async placeTask(instanceArn, id, containers) {
      const definitionArn = `arn:aws:ecs:${REGION}:${ACCOUNT}:task-definition/t${id}:1`;
      const arn = taskArn(REGION, ACCOUNT, CLUSTER, id);
      await store.transact((tx) => {
        tx.put(ecs.taskDefinitions, taskDefinitionKey(REGION, `t${id}`, 1), {
          arn: definitionArn,
          region: REGION,
          family: `t${id}`,
          revision: 1,
          body: { containerDefinitions: containers, taskRoleArn: "arn:aws:iam::000000000000:role/app" },
        } as never);
        tx.put(
          ecs.tasks,
          taskKey(REGION, CLUSTER, id),
          taskRow(arn, id, definitionArn, instanceArn, containers),
        );
      });
      return arn;
    },
    async stopTask(id) {
      const key = taskKey(REGION, CLUSTER, id);
      await store.transact((tx) => {
        const row = tx.get(ecs.tasks, key);
        if (row !== undefined)
          tx.put(ecs.tasks, key, stopTask(row, { code: "UserInitiated", reason: "asked" }, clock.now()));
      });
    },
    task(id) {
      const row = store.get(ecs.tasks, taskKey(REGION, CLUSTER, id));
      if (row === undefined) throw new Error(`There is no task ${id}.`);
      return row;
    },
    async until(condition, seconds = 60) {
      for (let waited = 0; !condition(); waited += 250) {
        if (waited > seconds * 1000) throw new Error("The condition did not come to hold.");
        await clock.advance(250);
      }
    },
  };
  await world.fleet.start();
  return world;
}

export function newHost(world: World, memoryBytes = 4 * GIB): Host {
  const { clock, random } = world;
  return {
    engine: createSimEngine({ clock, random, cpus: 2, memoryBytes }),
    state: createMemoryStateStore(),
  };
}

/** A container definition with the simulation's labels. */
export const container = (
  name: string,
  life: Readonly<Record<string, string>> = {},
  more: Partial<ContainerDefinition> = {},
): ContainerDefinition => ({
  name,
  image: `registry.test/${name}:1`,
  essential: true,
  cpu: 128,
  memory: 64,
  dockerLabels: Object.fromEntries(Object.entries(life).map(([k, v]) => [`estiba.sim.${k}`, v])),
  ...more,
});

const taskRow = (
  arn: string,
  id: string,
  taskDefinitionArn: string,
  instanceArn: string,
  containers: readonly ContainerDefinition[],
): TaskRow => ({
  arn,
  id,
  region: REGION,
  clusterName: CLUSTER,
  clusterArn: clusterArn(REGION, ACCOUNT, CLUSTER),
  taskDefinitionArn,
  family: `t${id}`,
  revision: 1,
  networkMode: "bridge",
  launchType: "EC2",
  containerInstanceArn: instanceArn,
  group: `family:t${id}`,
  lastStatus: "PENDING",
  desiredStatus: "RUNNING",
  version: 1,
  resources: { cpu: 128, memoryMiB: 64, tcpPorts: [], udpPorts: [] },
  containers: containers.map((c) => ({
    arn: containerArn(REGION, ACCOUNT, CLUSTER, id, c.name ?? ""),
    name: c.name ?? "",
    image: c.image ?? "",
    essential: c.essential ?? true,
    hasHealthCheck: c.healthCheck !== undefined,
    cpu: c.cpu ?? 0,
    lastStatus: "PENDING",
    hasRun: false,
    healthStatus: "UNKNOWN",
    networkBindings: [],
  })),
  overrides: {},
  healthStatus: "UNKNOWN",
  loadBalancers: [],
  createdAt: 0,
  enableExecuteCommand: false,
  tags: {},
});
