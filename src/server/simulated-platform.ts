// Simulated hosts and load balancers: the same control plane without root, Docker or HAProxy. Agents live in this process and
// speak to the endpoint as real ones do.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createSimProvider } from "#compute/sim/sim-provider.ts";
import type { LoadBalancerDriver } from "#loadbalancer/port.ts";
import { createRecordingDriver } from "#loadbalancer/recording-driver.ts";
import type { Platform, PlatformParts } from "./platform.ts";
import { startSimulatedAgent } from "./simulated-agent.ts";

export function openSimulatedPlatform(parts: PlatformParts): Platform {
  const endpoint = `http://${parts.config.host}:${parts.config.port}`;
  const drivers = new Map<string, LoadBalancerDriver>();
  const compute = createSimProvider({ startAgent: (spec, print) => startSimulatedAgent(parts, spec, print) });
  return {
    compute,
    async start() {},
    async driverFor(vpcId) {
      const driver = drivers.get(vpcId) ?? createRecordingDriver();
      drivers.set(vpcId, driver);
      return driver;
    },
    async ensureAddress() {},
    async removeAddress() {},
    async setName() {},
    endpointFor: () => endpoint,
    close: () => compute.removeEverything(),
    async removeEverything() {
      await compute.removeEverything();
      drivers.clear();
      rmSync(join(parts.folder.hosts), { recursive: true, force: true });
    },
  };
}
