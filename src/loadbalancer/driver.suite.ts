// What every LoadBalancerDriver must do. Each implementation's test file calls this with a way to make one.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  StructureRefused,
  type LoadBalancerDriver,
  type ProxyEvent,
  type ProxyStructure,
  type ProxyTarget,
} from "./port.ts";

export interface DriverUnderTest {
  readonly driver: LoadBalancerDriver;
  readonly structure: ProxyStructure;
  readonly groupId: string;
  /** A target that passes its checks, or one that fails them. */
  target(key: string, healthy: boolean): Promise<ProxyTarget>;
  dispose(): Promise<void>;
}

export function driverSuite(name: string, make: () => Promise<DriverUnderTest>): void {
  describe(`${name} as a load-balancer driver`, () => {
    let under: DriverUnderTest;
    let events: ProxyEvent[];
    const about = (key: string) => events.filter((event) => event.key === key).map((event) => event.type);

    beforeEach(async () => {
      under = await make();
      events = [];
      await under.driver.start((event) => events.push(event));
      await under.driver.applyStructure(under.structure);
    });
    afterEach(() => under.dispose());

    const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

    it("reports a target that passes as healthy, once", async () => {
      await under.driver.applyTargets(under.groupId, [await under.target("good", true)]);
      await eventually(() => expect(about("good")).toEqual(["healthy"]));
      await under.driver.applyTargets(under.groupId, [await under.target("good", true)]);
      expect(about("good")).toEqual(["healthy"]);
    });

    it("reports a target that never passes as unhealthy", async () => {
      await under.driver.applyTargets(under.groupId, [await under.target("bad", false)]);
      await eventually(() => expect(about("bad")).toEqual(["unhealthy"]));
    });

    it("reports a draining target without requests as idle", async () => {
      const target = await under.target("leaving", true);
      await under.driver.applyTargets(under.groupId, [target]);
      await eventually(() => expect(about("leaving")).toEqual(["healthy"]));
      await under.driver.applyTargets(under.groupId, [{ ...target, state: "draining" }]);
      await eventually(() => expect(about("leaving")).toEqual(["healthy", "idle"]));
    });

    it("refuses a structure whose listener names an unknown group and keeps the old one", async () => {
      const broken = { ...under.structure, targetGroups: [] };
      await expect(under.driver.applyStructure(broken)).rejects.toBeInstanceOf(StructureRefused);
      await under.driver.applyTargets(under.groupId, [await under.target("after", true)]);
      await eventually(() => expect(about("after")).toEqual(["healthy"]));
    });
  });
}
