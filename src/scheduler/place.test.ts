import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { parseExpression } from "./expression.ts";
import {
  arbitraryDemand,
  arbitraryInstances,
  arbitraryStrategy,
  demand,
  indexOf,
  instance,
} from "./fixture.suite.ts";
import { firstRefusal } from "./filters.ts";
import { type Demand, occupied, type SchedulerInstance } from "./instance.ts";
import { place } from "./place.ts";
import { RUN_TASK_DEFAULT, SERVICE_DEFAULT } from "./strategies.ts";

const run = (
  instances: readonly SchedulerInstance[],
  wanted: Demand,
  count: number,
  strategy: Parameters<typeof place>[0]["strategy"] = SERVICE_DEFAULT,
  seed = 1,
) => place({ instances: indexOf(instances), demand: wanted, count, strategy, random: seededRandom(seed) });

const tally = (of: readonly string[]) => {
  const counts = new Map<string, number>();
  for (const value of of) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
};

describe("any plan", () => {
  const input = [arbitraryInstances, arbitraryDemand, arbitraryStrategy, fc.nat(20), fc.nat()] as const;

  it("never over-commits an instance, never books a port twice, never breaks a constraint", () => {
    fc.assert(
      fc.property(...input, (instances, wanted, strategy, count, seed) => {
        const { assignments } = run(instances, wanted, count, strategy, seed);
        const now = new Map(instances.map((i) => [i.arn, i]));
        for (const arn of assignments) {
          const before = now.get(arn) as SchedulerInstance;
          expect(before).toMatchObject({ status: "ACTIVE", agentConnected: true });
          for (const port of wanted.tcpPorts) expect(before.tcpPorts.has(port)).toBe(false);
          if (wanted.distinctInstance) expect(before.groups.get(wanted.group) ?? 0).toBe(0);
          for (const { name } of wanted.attributes) expect(before.attributes.has(name)).toBe(true);
          const after = occupied(before, wanted);
          expect(wanted.cpu === 0 || after.cpu >= 0).toBe(true);
          expect(wanted.memoryMiB === 0 || after.memoryMiB >= 0).toBe(true);
          now.set(arn, after);
        }
      }),
    );
  });

  it("places as many as there is room for, and gives a reason for each instance when some found none", () => {
    fc.assert(
      fc.property(...input, (instances, wanted, strategy, count, seed) => {
        const { assignments, refusals, explanation } = run(instances, wanted, count, strategy, seed);
        if (assignments.length === count) {
          expect(explanation).toBeUndefined();
          expect(refusals).toEqual([]);
          return;
        }
        const after = new Map(instances.map((i) => [i.arn, i]));
        for (const arn of assignments) after.set(arn, occupied(after.get(arn) as SchedulerInstance, wanted));
        const { refusedBy } = firstRefusal(wanted);
        for (const i of after.values()) expect(refusedBy(i)).toBeGreaterThanOrEqual(0);
        expect(refusals.map((r) => r.instanceArn).sort()).toEqual(instances.map((i) => i.arn).sort());
        expect(explanation).toMatch(/^was unable to place a task because no container instance met all/);
      }),
    );
  });

  it("is the same for the same seed", () => {
    fc.assert(
      fc.property(...input, (instances, wanted, strategy, count, seed) => {
        expect(run(instances, wanted, count, strategy, seed)).toEqual(
          run(instances, wanted, count, strategy, seed),
        );
      }),
    );
  });

  it("fills an instance to the last unit and not beyond", () => {
    const exact = instance("a", { cpu: 256, memoryMiB: 512 });
    expect(run([exact], demand({ cpu: 128, memoryMiB: 256 }), 3).assignments).toHaveLength(2);
    expect(run([exact], demand({ cpu: 257 }), 1).assignments).toHaveLength(0);
    expect(run([exact], demand({ memoryMiB: 513 }), 1).assignments).toHaveLength(0);
  });

  it("leaves what it was given as it was", () => {
    const instances = [instance("a"), instance("b")];
    const before = structuredClone(instances);
    run(instances, demand({ tcpPorts: [80] }), 2);
    expect(instances).toEqual(before);
  });
});

describe("spreading", () => {
  const roomy = (id: string, zone: string) => instance(id, { zone, memoryMiB: 1e6 });

  it("differs by at most one between zones, and within a zone between instances, where there is room", () => {
    const cluster = fc.array(fc.constantFrom("us-east-1a", "us-east-1b", "us-east-1c"), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(cluster, fc.integer({ min: 1, max: 30 }), fc.nat(), (zones, count, seed) => {
        const instances = zones.map((zone, i) => roomy(`i${i}`, zone));
        const { assignments } = run(instances, demand(), count, SERVICE_DEFAULT, seed);
        expect(assignments).toHaveLength(count);
        const zoneOf = new Map(instances.map((i) => [i.arn, i.zone]));
        const spread = (values: readonly string[], used: ReadonlyMap<string, number>) => {
          const counts = values.map((v) => used.get(v) ?? 0);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        };
        spread([...new Set(zones)], tally(assignments.map((arn) => zoneOf.get(arn) as string)));
        const perInstance = tally(assignments);
        for (const zone of new Set(zones))
          spread(
            instances.filter((i) => i.zone === zone).map((i) => i.arn),
            perInstance,
          );
      }),
    );
  });

  it("counts the tasks that already run, of this service only", () => {
    const busy = instance("a", { groups: new Map([["service:web", 1]]) });
    const foreign = instance("b", { groups: new Map([["service:other", 5]]) });
    expect(run([busy, foreign], demand(), 1).assignments).toEqual(["arn:b"]);
  });

  it("puts the second task in the other zone although the first zone has more instances", () => {
    const instances = [instance("a"), instance("b"), instance("c"), instance("d", { zone: "us-east-1b" })];
    for (let seed = 0; seed < 20; seed += 1)
      expect(run(instances, demand(), 2, SERVICE_DEFAULT, seed).assignments).toContain("arn:d");
  });
});

describe("binpack and random", () => {
  it("fills the instance with least left before it opens another", () => {
    const instances = [instance("a", { memoryMiB: 1000 }), instance("b", { memoryMiB: 600 })];
    const plan = run(instances, demand({ memoryMiB: 250 }), 4, [{ type: "binpack", field: "memory" }]);
    expect(plan.assignments).toEqual(["arn:b", "arn:b", "arn:a", "arn:a"]);
  });
  it("reaches every instance by chance", () => {
    const instances = Array.from({ length: 5 }, (_, i) => instance(`i${i}`));
    const plan = run(instances, demand({ memoryMiB: 10 }), 100, RUN_TASK_DEFAULT);
    expect(tally(plan.assignments).size).toBe(5);
  });
});

describe("reasons", () => {
  const refusal = (i: SchedulerInstance, wanted: Demand) => {
    const { refusals, explanation } = run([i], wanted, 1);
    return [refusals[0]?.reason, explanation?.split("requirements. ")[1]];
  };
  const closest = (rest: string) => `The closest matching (container-instance a) ${rest}`;

  it("name what is short in the words of RunTask and of service events", () => {
    expect(refusal(instance("a", { memoryMiB: 10 }), demand())).toEqual([
      "RESOURCE:MEMORY",
      closest("has insufficient memory available."),
    ]);
    expect(refusal(instance("a"), demand({ cpu: 4096 }))).toEqual([
      "RESOURCE:CPU",
      closest("has insufficient CPU units available."),
    ]);
    expect(refusal(instance("a"), demand({ tcpPorts: [22] }))).toEqual([
      "RESOURCE:PORTS",
      closest("is already using a port required by your task."),
    ]);
    expect(refusal(instance("a"), demand({ attributes: [{ name: "gpu" }] }))).toEqual([
      "ATTRIBUTE",
      closest("is missing an attribute required by your task."),
    ]);
    expect(refusal(instance("a", { agentConnected: false }), demand())).toEqual([
      "AGENT",
      closest('encountered error "AGENT".'),
    ]);
  });
  it("tell constraints apart from resources", () => {
    const memberOf = [parseExpression("attribute:ecs.availability-zone == us-east-1z")];
    expect(refusal(instance("a"), demand({ memberOf }))[0]).toBe(
      "MemberOf placement constraint unsatisfied.",
    );
    const taken = instance("a", { groups: new Map([["service:web", 1]]) });
    expect(refusal(taken, demand({ distinctInstance: true }))[0]).toBe(
      "DistinctInstance placement constraint unsatisfied.",
    );
  });
  it("point at the instance that failed last, not at one without an agent", () => {
    const plan = run(
      [instance("a", { agentConnected: false }), instance("b", { memoryMiB: 1 })],
      demand(),
      1,
    );
    expect(plan.explanation).toContain("(container-instance b) has insufficient memory");
  });
  it("say when there is no instance at all", () => {
    expect(run([], demand(), 1).explanation).toBe(
      "was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.",
    );
  });
  it("refuse a task that wants one port twice, everywhere", () => {
    expect(run([instance("a")], demand({ tcpPorts: [80, 80] }), 1).refusals[0]?.reason).toBe(
      "RESOURCE:PORTS",
    );
  });
  it("require an attribute's value only where one is given", () => {
    const i = instance("a", { attributes: new Map([["ecs.os-type", "linux"]]) });
    expect(run([i], demand({ attributes: [{ name: "ecs.os-type" }] }), 1).assignments).toHaveLength(1);
    expect(
      run([i], demand({ attributes: [{ name: "ecs.os-type", value: "windows" }] }), 1).assignments,
    ).toHaveLength(0);
  });
});
