// A VPC's hosts on other machines: this machine's ends of their tunnels, in the place where its own hosts have their veths.
import type { HostAttachment, InterfaceAttachment } from "#domain/ports/host-network.ts";
import type { GroupMember } from "./group-rules.ts";
import { detachScript } from "./host-script.ts";
import { hostInterface, type NetworkNames } from "./names.ts";
import { inRoot, type Run } from "./run.ts";
import { shell, type NamespaceScript } from "./script.ts";
import {
  joinAddressScript,
  joinHostScript,
  leaveAddressScript,
  leaveHostScript,
  peersScript,
  tunnelScript,
} from "./tunnel-script.ts";
import { VPC_MAC, type VpcPlan } from "./vpc-script.ts";

/** Addresses of the two machines, and the tunnel's network identifier. */
export interface TunnelRoute {
  readonly machineAddress: string;
  readonly serverAddress: string;
  readonly vni: number;
}

export interface Tunnels {
  /** The host's place in its VPC is behind a tunnel. Safe twice; another route replaces the former. */
  attachTunnel(attachment: HostAttachment, route: TunnelRoute): Promise<void>;
  /** Safe twice. */
  detachTunnel(instanceId: string): Promise<void>;
  /** A task's address is behind the host's tunnel; its host makes the interface. Rejects while there is no tunnel. Safe twice. */
  attachTunnelledInterface(attachment: InterfaceAttachment): Promise<void>;
  detachTunnelledInterface(
    attachment: Pick<InterfaceAttachment, "vpcId" | "instanceId" | "privateIp" | "macAddress">,
  ): Promise<void>;
}

export interface TunnelParts {
  readonly run: Run;
  readonly names: NetworkNames;
  /** UDP port of both sides. */
  readonly port: number;
  readonly imdsPort: number;
  readonly ensure: (vpcId: string) => Promise<VpcPlan>;
  readonly inside: (namespace: string, script: NamespaceScript) => Promise<string>;
  readonly inTurn: <T>(key: string, work: () => Promise<T>) => Promise<T>;
  readonly vpcNamespaces: () => Promise<readonly string[]>;
  /** Takes members out of the VPC's groups. */
  readonly leave: (vpcNamespace: string, who: (member: GroupMember) => boolean) => Promise<void>;
  readonly requireAssignable: (vpc: VpcPlan, address: string) => void;
}

export function createTunnels(parts: TunnelParts): Tunnels {
  const { run, names, port, imdsPort, ensure, inside, inTurn, vpcNamespaces, leave } = parts;
  const checkedMac = (mac: string) => {
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw new RangeError(`Not a MAC: ${mac}`);
    return mac;
  };

  return {
    async attachTunnel({ vpcId, instanceId, privateIp, macAddress, metadataHopLimit }, route) {
      const vpc = await ensure(vpcId);
      parts.requireAssignable(vpc, privateIp);
      checkedMac(macAddress);
      const name = hostInterface(instanceId);
      const end = { local: route.serverAddress, remote: route.machineAddress, port, vni: route.vni };
      const host = {
        link: name,
        privateIp,
        macAddress,
        metadataHopLimit,
        vpc: vpc.addresses,
        imdsPort,
      };
      const link = {
        name,
        mac: VPC_MAC,
        namespace: vpc.namespace,
        first: `${names.rootInterfacePrefix}tunnel`,
      };
      // All are made under one name before they are moved.
      await inTurn("tunnel", async () => {
        await inRoot(run, shell(peersScript(`${names.prefix}join`, end)));
        await inRoot(run, shell({ before: [tunnelScript(end, link)] }));
      });
      await inTurn(instanceId, async () => {
        await inside(vpc.namespace, joinHostScript(host));
        await inside(vpc.namespace, joinAddressScript(host));
      });
    },

    detachTunnel: (instanceId) =>
      inTurn(instanceId, async () => {
        const link = hostInterface(instanceId);
        for (const vpc of await vpcNamespaces()) {
          await inside(vpc, detachScript(link));
          await inside(vpc, leaveHostScript(link));
          await leave(vpc, (member) => member.interface === link);
        }
      }),

    async attachTunnelledInterface({ vpcId, instanceId, privateIp, macAddress }) {
      const vpc = await ensure(vpcId);
      parts.requireAssignable(vpc, privateIp);
      const link = hostInterface(instanceId);
      await inTurn(instanceId, async () => {
        const address = { link, privateIp, macAddress: checkedMac(macAddress), vpc: vpc.addresses };
        await inside(vpc.namespace, joinAddressScript(address));
      });
    },

    async detachTunnelledInterface({ vpcId, instanceId, privateIp, macAddress }) {
      const vpc = names.vpcNamespace(vpcId);
      const address = { link: hostInterface(instanceId), privateIp, macAddress: checkedMac(macAddress) };
      await inTurn(instanceId, async () => {
        if ((await vpcNamespaces()).includes(vpc)) await inside(vpc, leaveAddressScript(address));
      });
    },
  };
}
