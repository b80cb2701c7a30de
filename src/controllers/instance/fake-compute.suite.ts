// A compute provider in memory, steered by the test: launches and terminations can be held and refused.
import type { ComputeProvider, HostSpec } from "#compute/port.ts";

type Refusable = "launch" | "terminate" | "list" | "attach" | "detach";

export interface FakeCompute extends ComputeProvider {
  /** Hosts that exist. */
  readonly hosts: Set<string>;
  /** What was called, in order: `launch i-1`, `launched i-1`, `terminate i-1`. */
  readonly calls: string[];
  readonly specs: HostSpec[];
  /** Held calls: `launch` or `terminate` wait for `letGo`. */
  hold: "launch" | "terminate" | undefined;
  readonly refuse: Partial<Record<Refusable, string>>;
  /** Ids of network interfaces that hosts have. */
  readonly interfaces: Set<string>;
  /** Launches under way now, and the most there were at once. */
  readonly launching: { now: number; most: number };
  letGo(): void;
}

export function createFakeCompute(hosts: readonly string[] = []): FakeCompute {
  const waiting: (() => void)[] = [];
  const held = (kind: "launch" | "terminate") =>
    fake.hold === kind ? new Promise<void>((go) => waiting.push(go)) : Promise.resolve();
  const refused = (kind: Refusable) => {
    const reason = fake.refuse[kind];
    if (reason !== undefined) throw new Error(reason);
  };
  const fake: FakeCompute = {
    hosts: new Set(hosts),
    calls: [],
    specs: [],
    hold: undefined,
    refuse: {},
    interfaces: new Set(),
    launching: { now: 0, most: 0 },
    async launch(spec) {
      fake.calls.push(`launch ${spec.instanceId}`);
      fake.specs.push(spec);
      fake.launching.now += 1;
      fake.launching.most = Math.max(fake.launching.most, fake.launching.now);
      // Parts of a host exist from the beginning on, also of one whose launch fails.
      fake.hosts.add(spec.instanceId);
      await held("launch").finally(() => (fake.launching.now -= 1));
      refused("launch");
      fake.calls.push(`launched ${spec.instanceId}`);
    },
    async terminate(id) {
      fake.calls.push(`terminate ${id}`);
      await held("terminate");
      refused("terminate");
      fake.hosts.delete(id);
    },
    async attachInterface({ instanceId, interfaceId }) {
      fake.calls.push(`attach ${interfaceId}`);
      await Promise.resolve();
      refused("attach");
      if (!fake.hosts.has(instanceId)) throw new Error(`There is no host ${instanceId}.`);
      fake.interfaces.add(interfaceId);
    },
    async detachInterface({ interfaceId }) {
      fake.calls.push(`detach ${interfaceId}`);
      await Promise.resolve();
      refused("detach");
      fake.interfaces.delete(interfaceId);
    },
    async list() {
      await Promise.resolve();
      refused("list");
      return [...fake.hosts];
    },
    consoleOutput: () => Promise.resolve(""),
    letGo() {
      fake.hold = undefined;
      for (const go of waiting.splice(0)) go();
    },
  };
  return fake;
}
