// Simulated hosts and load balancers: the same control plane without root, Docker or HAProxy. Agents live in this process and
// speak to the endpoint as real ones do.
import { createServer } from "node:http";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { HostSpec } from "#compute/port.ts";
import { createSimProvider } from "#compute/sim/sim-provider.ts";
import { applyServerLimits, serverOptions } from "#gateway/server-limits.ts";
import type { LoadBalancerDriver } from "#loadbalancer/port.ts";
import { createRecordingDriver } from "#loadbalancer/recording-driver.ts";
import { closeServer, listen, sendJson } from "./http.ts";
import type { Platform, PlatformParts } from "./platform.ts";
import { startSimulatedAgent } from "./simulated-agent.ts";

export function openSimulatedPlatform(parts: PlatformParts): Platform {
  const { config, folder, random } = parts;
  const drivers = new Map<string, LoadBalancerDriver>();
  /** Simulated hosts have no addresses of their own: each reaches the metadata service by a path that only it knows. */
  const hosts = new Map<string, HostSpec>();
  const metadata = createServer(serverOptions, (req, res) => {
    const [, secret = "", path = ""] = /^\/([0-9a-f]+)(\/.*)$/.exec(req.url ?? "") ?? [];
    const host = hosts.get(secret);
    if (host === undefined) return sendJson(res, 404, { message: "Not found" });
    req.url = path;
    parts.imds(req, res, { vpcId: host.vpcId, address: host.privateIp });
  });
  applyServerLimits(metadata);
  let metadataPort = 0;

  const compute = createSimProvider({
    async startAgent(spec, print, hasInterface) {
      const secret = random.hex(32);
      hosts.set(secret, spec);
      try {
        const imds = `http://${config.host}:${metadataPort}/${secret}`;
        const agent = await startSimulatedAgent(parts, spec, imds, print, hasInterface);
        return {
          async close() {
            hosts.delete(secret);
            await agent.close();
          },
        };
      } catch (error) {
        hosts.delete(secret);
        throw error;
      }
    },
  });

  return {
    compute: {
      ...compute,
      async terminate(instanceId) {
        await compute.terminate(instanceId);
        rmSync(join(folder.hosts, instanceId), { recursive: true, force: true });
      },
    },
    async start() {
      metadataPort = await listen(metadata, config.host, 0);
    },
    async driverFor(vpcId) {
      const driver = drivers.get(vpcId) ?? createRecordingDriver();
      drivers.set(vpcId, driver);
      return driver;
    },
    async ensureAddress() {},
    async removeAddress() {},
    async setSecurityGroups() {},
    listVpcs: () => Promise.resolve([]),
    async removeVpc(vpcId) {
      drivers.delete(vpcId);
    },
    async setName() {},
    async setZones() {},
    endpointFor: () => `http://${config.host}:${config.port}`,
    async close() {
      await compute.removeEverything();
      await closeServer(metadata);
    },
    async removeEverything() {
      await compute.removeEverything();
      await closeServer(metadata);
      drivers.clear();
      rmSync(folder.hosts, { recursive: true, force: true });
    },
  };
}
