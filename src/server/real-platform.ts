// Real hosts: namespaces, engines and proxies of this machine, and the endpoint's listeners at the VPCs' reserved addresses.
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { createJoinedProvider } from "#compute/joined/joined-provider.ts";
import { applyServerLimits, serverOptions } from "#gateway/server-limits.ts";
import { messageOf } from "#lib/errors.ts";
import { createHaproxyDriver } from "#loadbalancer/haproxy/driver.ts";
import { vpcAddresses } from "#network/ranges.ts";
import { instances, networkInterfaces, vpcs } from "#store/tables/ec2.ts";
import { closeServer, createHttpServer, listen } from "./http.ts";
import { createMachine, endMachine, IMDS_PORT } from "./machine.ts";
import type { Platform, PlatformParts } from "./platform.ts";

interface ServedVpc {
  readonly namespace: string;
  readonly endpoint: string;
  readonly servers: readonly Server[];
}

export function openRealPlatform({
  config,
  folder,
  store,
  clock,
  logger,
  routes,
  imds,
}: PlatformParts): Platform {
  /** VPC ids are unique over all regions. */
  const cidrOf = (vpcId: string) => [...store.scan(vpcs)].find(([, vpc]) => vpc.id === vpcId)?.[1].cidrBlock;
  const served = new Map<string, Promise<ServedVpc>>();

  /** The proxy of a VPC is found by this name, also of one that is no more. */
  const proxyOf = (vpcId: string) => ({
    name: `haproxy-${vpcId}`,
    directory: join(folder.haproxy, vpcId),
  });
  const removeVpc = async (vpcId: string) => {
    const last = served.get(vpcId);
    served.delete(vpcId);
    const servers = await last?.then(
      (one) => one.servers,
      () => [],
    );
    await Promise.all((servers ?? []).map((server) => closeServer(server)));
    const { name, directory } = proxyOf(vpcId);
    if ((await machine.supervisor.list()).includes(name)) await machine.supervisor.remove(name);
    await rm(directory, { recursive: true, force: true });
    await machine.network.removeVpc(vpcId);
  };

  const serve = async (vpcId: string): Promise<ServedVpc> => {
    // A new VPC may have the range of one that was deleted a moment ago.
    for (const other of await machine.network.listVpcs())
      if (cidrOf(other) === undefined) await removeVpc(other);
    const { namespace, endpointAddress } = await machine.network.ensureVpc(vpcId);
    const api = createHttpServer(routes, (error) =>
      logger.error("A request could not be answered", { error }),
    );
    await listen(api, endpointAddress, config.port);
    const metadata = createServer(serverOptions, (req, res) =>
      imds(req, res, { vpcId, address: (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "") }),
    );
    applyServerLimits(metadata);
    await listen(metadata, endpointAddress, IMDS_PORT);
    return { namespace, endpoint: `http://${endpointAddress}:${config.port}`, servers: [api, metadata] };
  };
  const serving = (vpcId: string): Promise<ServedVpc> => {
    const known = served.get(vpcId);
    if (known !== undefined) return known;
    const starting = serve(vpcId);
    served.set(vpcId, starting);
    // A failure is told to who asked, and the next one tries again.
    starting.catch(() => served.delete(vpcId));
    return starting;
  };

  const machine = createMachine({
    folder,
    clock,
    logger,
    endpointPort: config.port,
    cidrOf,
    beforeAttach: async (vpcId) => void (await serving(vpcId)),
  });

  const closeListeners = async () => {
    const all = await Promise.allSettled(served.values());
    served.clear();
    for (const one of all)
      if (one.status === "fulfilled")
        await Promise.all(one.value.servers.map((server) => closeServer(server)));
  };

  return {
    compute: createJoinedProvider({
      own: machine.compute,
      network: machine.network,
      tunnelOf: (instanceId) => store.find(instances, "id", instanceId)[0]?.[1].joined,
      interfaceOf: (id) => [...store.scan(networkInterfaces)].find(([, row]) => row.id === id)?.[1],
    }),
    async start() {
      // Others get theirs when somebody is put in.
      const had = await machine.network.listVpcs();
      for (const [, vpc] of store.scan(vpcs)) {
        if (!had.includes(vpc.id) && !(vpc.isDefault && vpc.region === config.region)) continue;
        try {
          await serving(vpc.id);
        } catch (error) {
          // Without its own region's network the server is of no use; another's is told about when it is used.
          if (vpc.region === config.region) throw error;
          logger.warn("a VPC cannot be served", { vpcId: vpc.id, reason: messageOf(error) });
        }
      }
    },
    async driverFor(vpcId) {
      const { namespace } = await serving(vpcId);
      return createHaproxyDriver({
        ...proxyOf(vpcId),
        supervisor: machine.supervisor,
        networkNamespace: namespace,
        clock,
        logger,
      });
    },
    ensureAddress: async (vpcId, address) => {
      await serving(vpcId);
      await machine.network.ensureAddress(vpcId, address);
    },
    removeAddress: (vpcId, address) => machine.network.removeAddress(vpcId, address),
    setSecurityGroups: async (vpcId, wanted) => {
      await serving(vpcId);
      await machine.network.setSecurityGroups(vpcId, wanted);
    },
    listVpcs: () => machine.network.listVpcs(),
    removeVpc,
    setName: async (vpcId, name, address) => {
      await serving(vpcId);
      await machine.network.setName(vpcId, name, address);
    },
    setZones: async (vpcId, zones) => {
      await serving(vpcId);
      await machine.network.setZones(vpcId, zones);
    },
    endpointFor(vpcId) {
      const cidr = cidrOf(vpcId);
      if (cidr === undefined) throw new Error(`There is no VPC ${vpcId}.`);
      return `http://${vpcAddresses(cidr).endpoint}:${config.port}`;
    },
    async close() {
      await closeListeners();
      await machine.close();
    },
    async removeEverything() {
      await closeListeners();
      await endMachine(machine, "remove");
    },
  };
}
