// VPCs and their hosts as network namespaces of this machine. It keeps no state: every call makes the kernel and the files as
// they should be, so another control plane goes on after this one was killed. Addresses are chosen by others.
import { join } from "node:path";
import type { HostAttachment, HostNetwork } from "#domain/ports/host-network.ts";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { ensureDns } from "./dns.ts";
import { FORWARDER_PORT, isDnsName } from "./dnsmasq.ts";
import { openPassage } from "./firewall.ts";
import { enableForwarding } from "./forwarding.ts";
import {
  attachInterfaceScript,
  attachScript,
  detachScript,
  hostScript,
  type HostPlan,
} from "./host-script.ts";
import { writeHostNames } from "./hosts-file-writer.ts";
import { namespaces, refuseUsedRange, routes } from "./kernel.ts";
import type { GroupMember, SecurityGroups } from "./group-rules.ts";
import { createGroups } from "./groups.ts";
import { createNamesDirectory } from "./names-directory.ts";
import { hostInterface, networkNames, taskInterface } from "./names.ts";
import { DNS_ADDRESS, isAssignable, vpcAddresses } from "./ranges.ts";
import { inNamespace, inRoot, runCommand, type Run } from "./run.ts";
import { ensureNamespace, shell, type NamespaceScript } from "./script.ts";
import { createSerial } from "./serial.ts";
import { removeNetwork, removeVpcNetwork } from "./teardown.ts";
import { createTunnels, type Tunnels } from "./tunnels.ts";
import { type DnsZone, zoneFiles } from "./zones.ts";
import { addressScript, removeAddressScript, rootScript, vpcScript, type VpcPlan } from "./vpc-script.ts";

export interface VpcNetworkOptions {
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the DNS server's names, below a folder that others may pass through (mode 0711), or the server runs as root. */
  readonly directory: string;
  /** 1 to 6 of `[a-z0-9]`, one for each data folder of the machine: it is in every name that the network makes. */
  readonly scope: string;
  /** The VPC's range, undefined when there is no such VPC. */
  cidrOf(vpcId: string): string | undefined;
  /** Where the control plane listens on the endpoint's address: for the API, and for the metadata service. */
  readonly endpointPort: number;
  readonly imdsPort: number;
  /** The file in which this machine finds the names, `/etc/hosts`; none when absent. */
  readonly hostsFile?: string;
  /** The machine's resolvers; `/etc/resolv.conf` when absent. */
  readonly resolvFile?: string;
  readonly dnsmasqPath?: string;
  readonly run?: Run;
}

export interface VpcAccess {
  readonly namespace: string;
  /**
   * An address inside the VPC's range that nobody else has, in the root namespace: the control plane listens on it, hosts
   * reach it with their own source address.
   */
  readonly endpointAddress: string;
}

export interface VpcNetwork extends HostNetwork, Tunnels {
  /**
   * Makes the VPC or repairs it; hosts in it stay. @throws VpcRangeRefused when its range is in use on this machine, by
   * another VPC among others.
   */
  ensureVpc(vpcId: string): Promise<VpcAccess>;
  /** A load balancer's address comes to life in the VPC's namespace. Safe twice. */
  ensureAddress(vpcId: string, address: string): Promise<void>;
  removeAddress(vpcId: string, address: string): Promise<void>;
  /**
   * Who may reach whom in the VPC from now on; connections under way stay. Addresses that are in no group, and those of
   * hosts and load balancers before the first call, reach the VPC's own services only. Safe twice.
   */
  setSecurityGroups(vpcId: string, wanted: SecurityGroups): Promise<void>;
  /** Publishes a name for hosts, tasks and this machine; undefined withdraws it. Safe twice. */
  setName(vpcId: string, name: string, address: string | undefined): Promise<void>;
  /**
   * Makes the VPC's private zones exactly these, for hosts and tasks of the VPC. Addresses change without a break; another
   * domain or SRV record starts the VPC's DNS server anew, which takes a moment. Safe twice.
   */
  setZones(vpcId: string, zones: readonly DnsZone[]): Promise<void>;
  /** VPCs of which there is a namespace. */
  listVpcs(): Promise<readonly string[]>;
  /** Removes a VPC in which no host is left, whether or not anybody still knows its range. Safe twice. */
  removeVpc(vpcId: string): Promise<void>;
  /** Removes everything of this data folder, whoever made it: namespaces, interfaces, tables, DNS servers, names. */
  removeEverything(): Promise<void>;
  /** Waits for what was begun. What runs goes on. */
  close(): Promise<void>;
}

export function createVpcNetwork(options: VpcNetworkOptions): VpcNetwork {
  const { supervisor, clock, logger, directory, scope, imdsPort } = options;
  const run = options.run ?? runCommand;
  const names = networkNames(scope);
  const published = createNamesDirectory(directory);
  const forwardingNotes = join(directory, "forwarding");
  const serial = createSerial();
  const groups = createGroups(run, directory, serial.run);
  const ensured = new Map<string, Promise<VpcPlan>>();

  const inside = (namespace: string, script: NamespaceScript) => inNamespace(run, namespace, shell(script));

  const planOf = (vpcId: string): VpcPlan => {
    const cidr = options.cidrOf(vpcId);
    if (cidr === undefined) throw new RangeError(`There is no VPC ${vpcId}.`);
    return {
      vpcId,
      namespace: names.vpcNamespace(vpcId),
      rootInterface: names.rootInterface(vpcId),
      rootTable: names.rootTable(vpcId),
      addresses: vpcAddresses(cidr),
      imdsPort,
      ports: [
        ...[options.endpointPort, imdsPort].map((port) => ({ protocol: "tcp", port }) as const),
        ...(["udp", "tcp"] as const).map((protocol) => ({ protocol, port: FORWARDER_PORT })),
      ],
    };
  };

  const interfacePlan = (
    vpc: VpcPlan,
    { instanceId, privateIp, macAddress, metadataHopLimit }: Omit<HostAttachment, "vpcId">,
    interfaceName: string,
  ): HostPlan => {
    requireAssignable(vpc, privateIp);
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(macAddress)) throw new RangeError(`Not a MAC: ${macAddress}`);
    if (!Number.isInteger(metadataHopLimit) || metadataHopLimit < 1 || metadataHopLimit > 64)
      throw new RangeError(`Not a hop limit: ${metadataHopLimit}`);
    return {
      namespace: names.hostNamespace(instanceId),
      interfaceName,
      privateIp,
      macAddress,
      metadataHopLimit,
      vpc: vpc.addresses,
      imdsPort,
    };
  };

  const make = async (vpcId: string): Promise<VpcPlan> => {
    const plan = planOf(vpcId);
    const { rootInterface, namespace, addresses } = plan;
    const before = await routes(run);
    await refuseUsedRange(run, { id: vpcId, cidr: addresses.cidr, rootInterface }, before);
    await inRoot(run, shell(rootScript(plan)));
    // Before the namespace forwards anything.
    await groups.ensure(plan);
    await inside(namespace, vpcScript(plan));
    await enableForwarding(run, before, forwardingNotes);
    const opened = await openPassage(run, {
      rootInterface,
      endpoint: addresses.endpoint,
      ports: plan.ports,
    });
    if (opened.length > 0) logger.info("let the VPC pass this machine's firewall", { vpcId, chains: opened });
    await serial.run("names", () => serveNames(plan));
    return plan;
  };
  /** In turn with those who write the names. */
  const serveNames = async ({ vpcId, namespace, addresses }: VpcPlan) =>
    ensureDns(
      supervisor,
      {
        vpcId,
        namespace,
        namesDirectory: await published.prepare(vpcId),
        endpoint: addresses.endpoint,
        resolvFile: options.resolvFile ?? "/etc/resolv.conf",
        program: options.dnsmasqPath ?? "/usr/sbin/dnsmasq",
        zones: await published.zoneOptions(vpcId),
      },
      logger,
    );

  /** One VPC at a time: of two with overlapping ranges the second must see the first one's route. */
  const repair = (vpcId: string): Promise<VpcPlan> => {
    const plan = serial.run("vpcs", () => make(vpcId));
    ensured.set(vpcId, plan);
    plan.catch(() => ensured.get(vpcId) === plan && ensured.delete(vpcId));
    return plan;
  };
  const ensure = (vpcId: string): Promise<VpcPlan> => ensured.get(vpcId) ?? repair(vpcId);

  const vpcNamespaces = async () =>
    (await namespaces()).filter((namespace) => names.vpcOf(namespace) !== undefined);

  const publish = async () => {
    const { hostsFile } = options;
    if (hostsFile !== undefined) await writeHostNames(hostsFile, scope, await published.all());
  };

  const leaveGroups = async (vpcId: string | undefined, who: (member: GroupMember) => boolean) => {
    if (vpcId !== undefined && options.cidrOf(vpcId) !== undefined) await groups.leave(planOf(vpcId), who);
  };

  const tunnels = createTunnels({
    run,
    names,
    port: options.endpointPort,
    imdsPort,
    ensure,
    inside,
    inTurn: serial.run,
    vpcNamespaces,
    leave: (namespace, who) => leaveGroups(names.vpcOf(namespace), who),
    requireAssignable,
  });

  return {
    async ensureVpc(vpcId) {
      const plan = await repair(vpcId);
      return { namespace: plan.namespace, endpointAddress: plan.addresses.endpoint };
    },

    async attachHost(attachment) {
      const { vpcId, instanceId } = attachment;
      const vpc = await ensure(vpcId);
      const host = interfacePlan(vpc, attachment, hostInterface(instanceId));
      const started = clock.monotonic();
      await serial.run(instanceId, async () => {
        await inRoot(run, shell({ before: [ensureNamespace(host.namespace)] }));
        await inside(vpc.namespace, attachScript(host));
        await inside(host.namespace, hostScript(host));
      });
      logger.debug("attached a host", { instanceId, milliseconds: Math.round(clock.monotonic() - started) });
      return { namespace: host.namespace, dnsServer: DNS_ADDRESS, vpcCidr: vpc.addresses.cidr };
    },

    detachHost: (instanceId) =>
      serial.run(instanceId, async () => {
        const namespace = names.hostNamespace(instanceId);
        const script = detachScript(hostInterface(instanceId));
        // The interface first: processes that outlive the namespace's name must not keep the address.
        for (const vpc of await vpcNamespaces()) {
          await inside(vpc, script);
          await leaveGroups(names.vpcOf(vpc), (m) => m.interface === hostInterface(instanceId));
        }
        if ((await namespaces()).includes(namespace)) await run("ip", ["netns", "del", namespace]);
      }),

    async attachInterface(attachment) {
      const { vpcId, instanceId, interfaceId } = attachment;
      const vpc = await ensure(vpcId);
      const plan = interfacePlan(vpc, attachment, taskInterface(interfaceId));
      await serial.run(instanceId, async () => {
        if (!(await namespaces()).includes(plan.namespace))
          throw new Error(`The host ${instanceId} has no network namespace.`);
        await inside(vpc.namespace, attachInterfaceScript(plan));
      });
    },

    async detachInterface({ vpcId, interfaceId }) {
      const vpc = names.vpcNamespace(vpcId);
      const script = detachScript(taskInterface(interfaceId));
      await serial.run(interfaceId, async () => {
        if ((await namespaces()).includes(vpc)) await inside(vpc, script);
      });
    },

    ...tunnels,

    async listHosts() {
      return (await namespaces()).flatMap((namespace) => names.instanceOf(namespace) ?? []);
    },

    async ensureAddress(vpcId, address) {
      const vpc = await ensure(vpcId);
      requireAssignable(vpc, address);
      await inside(vpc.namespace, addressScript(address));
    },

    async removeAddress(vpcId, address) {
      const vpc = planOf(vpcId);
      requireAssignable(vpc, address);
      if ((await namespaces()).includes(vpc.namespace))
        await inside(vpc.namespace, removeAddressScript(address));
      await leaveGroups(vpcId, (m) => m.interface === undefined && m.address === address);
    },

    async setSecurityGroups(vpcId, wanted) {
      await groups.set(await ensure(vpcId), wanted);
    },

    async listVpcs() {
      return (await vpcNamespaces()).flatMap((namespace) => names.vpcOf(namespace) ?? []);
    },

    removeVpc: (vpcId) =>
      serial.run("vpcs", async () => {
        ensured.delete(vpcId);
        groups.forget(vpcId);
        await removeVpcNetwork({ run, supervisor, names, vpcId });
        await serial.run("names", async () => {
          await published.remove(vpcId);
          await publish();
        });
      }),

    async setName(vpcId, name, address) {
      const wanted = name.toLowerCase();
      if (!isDnsName(wanted)) throw new RangeError(`Not a DNS name: "${name}"`);
      if (address !== undefined) {
        const { addresses } = await ensure(vpcId);
        if (address !== addresses.endpoint && !isAssignable(addresses, address))
          throw new RangeError(`${address} is not an address of ${vpcId}.`);
      }
      await serial.run("names", async () => {
        await published.set(vpcId, wanted, address);
        await publish();
      });
    },

    async setZones(vpcId, zones) {
      const wanted = zoneFiles(zones);
      const plan = await ensure(vpcId);
      await serial.run("names", async () => {
        const before = JSON.stringify(await published.zoneOptions(vpcId));
        await published.setZones(vpcId, wanted);
        if (JSON.stringify(wanted.options) !== before) await serveNames(plan);
      });
    },

    async removeEverything() {
      await serial.idle();
      for (const vpcId of ensured.keys()) groups.forget(vpcId);
      ensured.clear();
      await removeNetwork({ run, supervisor, names, forwardingNotes });
      await published.removeAll();
      await publish();
    },

    close: () => serial.idle(),
  };
}

function requireAssignable(vpc: VpcPlan, address: string): void {
  if (!isAssignable(vpc.addresses, address))
    throw new RangeError(`${address} is not an address of ${vpc.vpcId} that can be handed out.`);
}
