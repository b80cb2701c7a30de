// Instances and demands for the scheduler's tests.
import fc from "fast-check";
import { FreeIndex } from "./free-index.ts";
import type { Demand, SchedulerInstance } from "./instance.ts";

export const instance = (id: string, more: Partial<SchedulerInstance> = {}): SchedulerInstance => ({
  arn: `arn:${id}`,
  id,
  status: "ACTIVE",
  agentConnected: true,
  registeredAt: 0,
  zone: "us-east-1a",
  attributes: new Map([["ecs.availability-zone", more.zone ?? "us-east-1a"]]),
  cpu: 2048,
  memoryMiB: 3900,
  tcpPorts: new Set([22, 2375, 2376, 51678, 51679]),
  udpPorts: new Set(),
  interfaces: 2,
  groups: new Map(),
  ...more,
});

export const demand = (more: Partial<Demand> = {}): Demand => ({
  cpu: 0,
  memoryMiB: 128,
  tcpPorts: [],
  udpPorts: [],
  attributes: [],
  memberOf: [],
  distinctInstance: false,
  group: "service:web",
  ...more,
});

export function indexOf(instances: Iterable<SchedulerInstance>): FreeIndex {
  const index = new FreeIndex();
  for (const i of instances) index.set(i);
  return index;
}

const zones = ["us-east-1a", "us-east-1b", "us-east-1c"] as const;
const ports = fc.uniqueArray(fc.constantFrom(80, 81, 82, 443), { maxLength: 2 });

export const arbitraryInstances = fc
  .array(
    fc.record({
      status: fc.constantFrom("ACTIVE", "ACTIVE", "ACTIVE", "DRAINING"),
      agentConnected: fc.constantFrom(true, true, true, false),
      zone: fc.constantFrom(...zones),
      cpu: fc.nat(2048),
      memoryMiB: fc.nat(1024),
      tcpPorts: ports.map((p) => new Set([22, ...p])),
      running: fc.nat(2),
      gpu: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ running, gpu, ...more }, i) =>
      instance(`i${i}`, {
        ...more,
        status: more.status as SchedulerInstance["status"],
        attributes: new Map([["ecs.availability-zone", more.zone], ...(gpu ? [["gpu", ""] as const] : [])]),
        groups: new Map(running === 0 ? [] : [["service:web", running]]),
      }),
    ),
  );

export const arbitraryDemand = fc
  .record({
    cpu: fc.constantFrom(0, 128, 512),
    memoryMiB: fc.constantFrom(0, 64, 256, 700),
    tcpPorts: ports,
    distinctInstance: fc.boolean(),
    gpu: fc.boolean(),
  })
  .map(({ gpu, ...more }) => demand({ ...more, attributes: gpu ? [{ name: "gpu" }] : [] }));

export const arbitraryStrategy = fc.constantFrom(
  [{ type: "random" as const }],
  [{ type: "spread" as const, field: "attribute:ecs.availability-zone" }],
  [{ type: "spread" as const, field: "instanceId" }],
  [{ type: "binpack" as const, field: "memory" }],
  [{ type: "binpack" as const, field: "cpu" }],
  [
    { type: "spread" as const, field: "attribute:ecs.availability-zone" },
    { type: "spread" as const, field: "instanceId" },
  ],
  [
    { type: "spread" as const, field: "attribute:ecs.availability-zone" },
    { type: "binpack" as const, field: "memory" },
  ],
);
