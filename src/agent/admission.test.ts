import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle } from "#lib/test-clock.ts";
import type { WireContainer, WireTask } from "#acs/messages.ts";
import { createAdmission, demandOf, type HostPorts, type PortProbe } from "./admission.ts";
import { portKeysOf } from "./host-ports.ts";
import { wireContainer, wireTask } from "./task/fixture.suite.ts";

const CAPACITY = {
  cpu: 1024,
  memoryMiB: 1000,
  reservedTcpPorts: [22],
  reservedUdpPorts: [],
  dynamicPorts: { first: 32_768, last: 32_771 },
};

const open = (isFree?: PortProbe) => {
  const admission = createAdmission(CAPACITY, isFree);
  const admitted = new Map<string, HostPorts>();
  return {
    admission,
    admitted,
    request: async (task: WireTask) => {
      admission.request(task, (ports) => void admitted.set(task.arn, ports));
      await settle();
    },
    release: async (arn: string) => {
      admission.release(arn);
      await settle();
    },
  };
};
const task = (arn: string, container: Partial<WireContainer> = {}, more: Partial<WireTask> = {}) =>
  wireTask([wireContainer("web", container)], { arn, ...more });
const mapped = (hostPort: number, containerPort = 80) => ({
  portMappings: [{ containerPort, hostPort, protocol: "tcp" as const }],
});
const hostPorts = (ports: HostPorts | undefined) => ports?.["web"]?.map((p) => p.hostPort);

describe("admission", () => {
  it("admits what fits and frees it again", async () => {
    const { admission, request, release, admitted } = open();
    await request(task("a", { cpu: 600, memory: 400 }));
    expect([...admitted.keys()]).toEqual(["a"]);
    expect(admission.free).toEqual({ cpu: 424, memoryMiB: 600 });
    await release("a");
    await release("a");
    expect(admission.free).toEqual({ cpu: 1024, memoryMiB: 1000 });
  });

  it("keeps the order: what does not fit holds up what would", async () => {
    const { request, release, admitted, admission } = open();
    await request(task("a", { cpu: 1000 }));
    await request(task("b", { cpu: 1000 }));
    await request(task("c", { cpu: 1 }));
    expect([...admitted.keys()]).toEqual(["a"]);
    expect(admission.waiting).toBe(2);
    await release("a");
    expect([...admitted.keys()]).toEqual(["a", "b", "c"]);
  });

  it("lets the queue go on when the task at its head is stopped", async () => {
    const { request, release, admitted } = open();
    await request(task("a", { cpu: 2000 }));
    await request(task("b", { cpu: 1 }));
    expect([...admitted.keys()]).toEqual([]);
    await release("a");
    expect([...admitted.keys()]).toEqual(["b"]);
  });

  it("counts the task's own limits, else its containers', the reservation before the hard limit", () => {
    const reserving = {
      cpu: 10,
      memory: 500,
      dockerConfig: { hostConfig: JSON.stringify({ MemoryReservation: 64 * 1024 * 1024 }) },
    };
    expect(demandOf(task("a", reserving))).toEqual({ cpu: 10, memoryMiB: 64 });
    expect(demandOf(task("a", { cpu: 10, memory: 500 }))).toEqual({ cpu: 10, memoryMiB: 500 });
    expect(demandOf(task("a", reserving, { cpu: 0.25, memory: 128 }))).toEqual({ cpu: 256, memoryMiB: 128 });
  });

  it("gives the lowest free port first, and again once it is free", async () => {
    const { request, release, admitted } = open();
    for (const arn of ["a", "b", "c"]) await request(task(arn, mapped(0)));
    await release("b");
    await request(task("d", mapped(0)));
    expect(["a", "b", "c", "d"].map((arn) => hostPorts(admitted.get(arn)))).toEqual([
      [32_768],
      [32_769],
      [32_770],
      [32_769],
    ]);
  });

  it("never chooses a port that a task has as its own", async () => {
    const { request, admitted } = open();
    await request(task("a", mapped(32_768)));
    await request(task("b", mapped(0)));
    expect(hostPorts(admitted.get("b"))).toEqual([32_769]);
  });

  it("lets a task wait for its static port, and for a port reserved for the system without end", async () => {
    const { request, release, admitted } = open();
    await request(task("a", mapped(8080)));
    await request(task("b", mapped(8080)));
    expect([...admitted.keys()]).toEqual(["a"]);
    await release("a");
    expect([...admitted.keys()]).toEqual(["a", "b"]);
    await request(task("c", mapped(22)));
    expect(admitted.has("c")).toBe(false);
  });

  it("lets a task wait when the range is used up; TCP and UDP have their own ports", async () => {
    const { request, admitted } = open();
    for (const arn of ["a", "b", "c", "d", "e"]) await request(task(arn, mapped(0)));
    expect([...admitted.keys()]).toEqual(["a", "b", "c", "d"]);
    const other = open();
    await other.request(
      task("u", {
        portMappings: [
          { containerPort: 53, hostPort: 0, protocol: "udp" },
          { containerPort: 53, hostPort: 0, protocol: "tcp" },
        ],
      }),
    );
    expect(hostPorts(other.admitted.get("u"))).toEqual([32_768, 32_768]);
  });

  it("takes a container's ports for the host's in host mode", async () => {
    const { request, admitted } = open();
    await request(task("a", mapped(0, 8080), { networkMode: "host" }));
    expect(hostPorts(admitted.get("a"))).toEqual([8080]);
    await request(task("b", mapped(0, 80), { networkMode: "none" }));
    expect(admitted.get("b")).toEqual({});
  });

  it("skips ports that something else on the host listens on", async () => {
    const { request, admitted } = open(async (_, port) => port !== 32_768 && port !== 32_770);
    await request(task("a", mapped(0)));
    await request(task("b", mapped(0)));
    await request(task("c", mapped(0)));
    expect(hostPorts(admitted.get("a"))).toEqual([32_769]);
    expect(hostPorts(admitted.get("b"))).toEqual([32_771]);
    expect(admitted.has("c")).toBe(false);
  });

  it("gives nothing to a task that was stopped while its ports were tried", async () => {
    let answer: (free: boolean) => void = () => {};
    const { admission, request, admitted } = open(() => new Promise((resolve) => (answer = resolve)));
    await request(task("a", { cpu: 100, ...mapped(0) }));
    admission.release("a");
    answer(true);
    await settle();
    expect(admitted.size).toBe(0);
    expect(admission.free.cpu).toBe(1024);
  });

  it("restores what was admitted before, whatever is free", async () => {
    const { admission, request, admitted } = open();
    admission.restore(task("a", { cpu: 900, ...mapped(0) }), {
      web: [{ containerPort: 80, hostPort: 32_768, protocol: "tcp" }],
    });
    await request(task("b", { cpu: 100, ...mapped(0) }));
    await request(task("c", { cpu: 100 }));
    expect(hostPorts(admitted.get("b"))).toEqual([32_769]);
    expect(admitted.has("c")).toBe(false);
  });

  it("never gives one port twice nor more than there is, whatever comes and goes", async () => {
    const step = fc.record({
      arn: fc.constantFrom("a", "b", "c", "d", "e", "f"),
      cpu: fc.constantFrom(0, 300, 700, 1100),
      ports: fc.array(fc.constantFrom(0, 0, 80, 8080, 32_769), { maxLength: 3 }),
      release: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { admission, admitted, request, release } = open();
        const requested = new Map<string, WireTask>();
        for (const { arn, cpu, ports, release: goes } of steps) {
          if (goes || requested.has(arn)) {
            requested.delete(arn);
            admitted.delete(arn);
            await release(arn);
          } else {
            const portMappings = [
              ...new Set(ports.filter((p) => p > 0)),
              ...ports.filter((p) => p === 0),
            ].map((hostPort, i) => ({ containerPort: 80 + i, hostPort, protocol: "tcp" as const }));
            const asked = task(arn, { cpu, portMappings });
            requested.set(arn, asked);
            await request(asked);
          }
          const keys = [...admitted.values()].flatMap(portKeysOf);
          expect(new Set(keys).size).toBe(keys.length);
          const used = [...admitted.keys()].reduce(
            (sum, a) => sum + demandOf(requested.get(a) ?? asNever(a)).cpu,
            0,
          );
          expect(admission.free.cpu).toBe(1024 - used);
          expect(admission.free.cpu).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 150 },
    );
  });
});

const asNever = (arn: string): never => {
  throw new Error(`${arn} is admitted and was not asked for`);
};
