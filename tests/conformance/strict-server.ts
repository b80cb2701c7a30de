// A control plane that believes nothing: it holds every call and frame of an agent against the protocol's members, and says what
// a test wants it to say. Time is a test clock, the engine simulated.
import { expect } from "vitest";
import { createAgent, type Agent, type AgentDependencies } from "#agent/agent.ts";
import { CallFailed, type ControlPlane } from "#agent/control-plane.ts";
import { createSimEngine, type SimEngine } from "#agent/engine/sim/sim-engine.ts";
import { createMemoryStateStore } from "#agent/state-store.ts";
import { agentConfig } from "#agent/world.suite.ts";
import { memoryDuplexPair, type Duplex } from "#acs/duplex.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { ACS_MESSAGES, CALLS, faultsOf, TCS_MESSAGES } from "./shapes.ts";

export const INSTANCE_ARN =
  "arn:aws:ecs:us-east-1:000000000000:container-instance/default/0123456789abcdef0123456789abcdef";
export const CLUSTER_ARN = "arn:aws:ecs:us-east-1:000000000000:cluster/default";

export interface Heard {
  readonly type: string;
  readonly message: Readonly<Record<string, unknown>>;
}

export interface StrictChannel {
  readonly query: AgentQuery;
  /** When it was opened, on the test's clock. */
  readonly openedAt: number;
  readonly heard: Heard[];
  closed: { readonly code: number; readonly reason: string; readonly at: number } | undefined;
  send(type: string, message: object): void;
  sendText(frame: string): void;
  close(code: number): void;
}

export interface StrictCall {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly at: number;
}

export interface StrictServer {
  readonly clock: TestClock;
  readonly engine: SimEngine;
  readonly calls: StrictCall[];
  readonly acs: StrictChannel[];
  readonly tcs: StrictChannel[];
  /** When each upgrade was tried, also those that were refused. */
  readonly attempts: { readonly acs: number[]; readonly tcs: number[] };
  /** What was wrong with anything the agent said. */
  readonly faults: string[];
  /** Set: the call is answered so instead. */
  fail: (operation: string, input: StrictCall["input"]) => Error | undefined;
  /** Set: upgrades of the channel are refused so. */
  refuse: (channel: "acs" | "tcs") => Error | undefined;
  startAgent(more?: Partial<AgentDependencies>): Promise<Agent>;
  until(condition: () => boolean, seconds?: number): Promise<void>;
  /** The newest connection. */
  channel(of?: "acs" | "tcs"): StrictChannel;
  reports(taskArn: string): readonly StrictCall["input"][];
}

export function createStrictServer(seed = 1): StrictServer {
  const clock = new TestClock();
  const random = seededRandom(seed);
  const engine = createSimEngine({ clock, random, cpus: 2, memoryBytes: 4 * 1024 ** 3 });
  const state = createMemoryStateStore();

  const open = (query: AgentQuery): Duplex => {
    const [agentEnd, serverEnd] = memoryDuplexPair();
    const channel: StrictChannel = {
      query,
      openedAt: clock.monotonic(),
      heard: [],
      closed: undefined,
      send: (type, message) => serverEnd.send(JSON.stringify({ type, message })),
      sendText: (frame) => serverEnd.send(frame),
      close: (code) => serverEnd.close(code, ""),
    };
    const shapes = query.channel === "acs" ? ACS_MESSAGES : TCS_MESSAGES;
    serverEnd.onMessage((frame) => {
      const heard = JSON.parse(frame) as Heard;
      if (Object.keys(heard).join() !== "type,message")
        server.faults.push(`An envelope of ${Object.keys(heard).join()}`);
      server.faults.push(...faultsOf(shapes, heard.type, heard.message));
      channel.heard.push(heard);
    });
    serverEnd.onClose((code, reason) => void (channel.closed = { code, reason, at: clock.monotonic() }));
    server[query.channel].push(channel);
    return agentEnd;
  };

  const controlPlane: ControlPlane = {
    async call(operation, given) {
      const input = JSON.parse(JSON.stringify(given)) as StrictCall["input"];
      server.faults.push(...faultsOf(CALLS, operation, input));
      server.calls.push({ operation, input, at: clock.monotonic() });
      const failure = server.fail(operation, input);
      if (failure !== undefined) throw failure;
      if (operation === "RegisterContainerInstance")
        return { containerInstance: { containerInstanceArn: INSTANCE_ARN, attributes: input["attributes"] } };
      return { acknowledgment: "ACK" };
    },
    async open(query) {
      server.attempts[query.channel].push(clock.monotonic());
      const refusal = server.refuse(query.channel);
      if (refusal !== undefined) throw refusal;
      return open(query);
    },
  };

  const server: StrictServer = {
    clock,
    engine,
    calls: [],
    acs: [],
    tcs: [],
    attempts: { acs: [], tcs: [] },
    faults: [],
    fail: () => undefined,
    refuse: () => undefined,
    async startAgent(more = {}) {
      const agent = createAgent({
        config: agentConfig({ ECS_CLUSTER: "default", ECS_INSTANCE_ATTRIBUTES: '{"rack":"r1"}' }),
        ...{ controlPlane, engine, state, clock, random, logger: silentLogger },
        version: { agent: "1.105.1", hash: "a8b3e7d3" },
        ...more,
      });
      await agent.start();
      return agent;
    },
    async until(condition, seconds = 60) {
      for (let waited = 0; !condition(); waited += 50) {
        expect(waited, "the condition came to hold in time").toBeLessThan(seconds * 1000);
        await clock.advance(50);
      }
    },
    channel(of = "acs") {
      const newest = server[of].at(-1);
      if (newest === undefined) throw new Error(`There was no ${of} connection.`);
      return newest;
    },
    reports: (taskArn) =>
      server.calls
        .filter((c) => c.operation === "SubmitTaskStateChange" && c.input["task"] === taskArn)
        .map((c) => c.input),
  };
  return server;
}

/** As an upgrade of a deregistered instance is refused. */
export const inactive = () =>
  new CallFailed(
    "InactiveInstanceException",
    '{"type":"InactiveInstanceException","message":{"message":"gone"}}',
  );

let messages = 0;
/** The members by which a message is addressed. */
export const addressed = () => ({
  messageId: `m-${++messages}`,
  clusterArn: CLUSTER_ARN,
  containerInstanceArn: INSTANCE_ARN,
  generatedAt: 1_700_000_000_000,
});

export const taskArn = (id: string) =>
  `arn:aws:ecs:us-east-1:000000000000:task/default/${id.padEnd(32, "0")}`;

/** A task's order; containers live by the labels given for each. */
export const order = (
  id: string,
  containers: Readonly<Record<string, Readonly<Record<string, string>>>> = { app: {} },
  more: object = {},
) => ({
  arn: taskArn(id),
  taskClusterArn: CLUSTER_ARN,
  family: "fam",
  version: "1",
  desiredStatus: "RUNNING",
  launchType: "EC2",
  networkMode: "bridge",
  containers: Object.entries(containers).map(([name, labels]) => ({
    ...{ name, image: `local/${name}:1`, essential: true, cpu: 10, memory: 64 },
    ...{ environment: {}, portMappings: [], mountPoints: [], volumesFrom: [] },
    dockerConfig: {
      version: "1.18",
      config: JSON.stringify({
        Labels: Object.fromEntries(Object.entries(labels).map(([k, v]) => [`estiba.sim.${k}`, v])),
      }),
      hostConfig: '{"NetworkMode":"bridge"}',
    },
  })),
  volumes: [],
  ...more,
});
