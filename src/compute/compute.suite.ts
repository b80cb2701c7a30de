// What every ComputeProvider must do. Each implementation's test file calls this with a way to make one.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ComputeProvider, HostSpec } from "./port.ts";

export interface ProviderUnderTest {
  readonly provider: ComputeProvider;
  /** The specification of the n-th host. */
  spec(n: number): HostSpec;
  /** Removes what is left. */
  dispose(): Promise<void>;
}

export function computeSuite(name: string, make: () => Promise<ProviderUnderTest>): void {
  describe(`${name} as a compute provider`, () => {
    let under: ProviderUnderTest;
    beforeEach(async () => {
      under = await make();
    });
    afterEach(() => under.dispose());

    it("lists a host from its launch to its end", async () => {
      const { provider } = under;
      const [one, two] = [under.spec(1), under.spec(2)];
      expect(await provider.list()).toEqual([]);
      await Promise.all([provider.launch(one), provider.launch(two)]);
      expect([...(await provider.list())].sort()).toEqual([one.instanceId, two.instanceId].sort());
      await provider.terminate(one.instanceId);
      expect(await provider.list()).toEqual([two.instanceId]);
    });

    it("leaves a running host as it is when it is launched again", async () => {
      const spec = under.spec(1);
      await under.provider.launch(spec);
      const before = await under.provider.consoleOutput(spec.instanceId);
      await under.provider.launch(spec);
      expect(await under.provider.list()).toEqual([spec.instanceId]);
      expect(await under.provider.consoleOutput(spec.instanceId)).toContain(before);
    });

    it("terminates twice, and what never was, without an error", async () => {
      const spec = under.spec(1);
      await under.provider.launch(spec);
      await under.provider.terminate(spec.instanceId);
      await under.provider.terminate(spec.instanceId);
      await under.provider.terminate(under.spec(2).instanceId);
      expect(await under.provider.list()).toEqual([]);
    });

    it("shows a console for a host that is, and nothing for one that is not", async () => {
      const spec = under.spec(1);
      await under.provider.launch(spec);
      expect(await under.provider.consoleOutput(spec.instanceId)).toContain(spec.instanceId);
      expect(await under.provider.consoleOutput(under.spec(2).instanceId)).toBe("");
    });

    it("gives up a launch whose host is terminated meanwhile, and leaves nothing of it", async () => {
      const spec = under.spec(1);
      const launch = under.provider.launch(spec).then(
        () => "launched",
        () => "given up",
      );
      await under.provider.terminate(spec.instanceId);
      expect(["launched", "given up"]).toContain(await launch);
      expect(await under.provider.list()).toEqual([]);
    });
  });
}
