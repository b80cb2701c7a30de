// The network of a host on a machine that joined: a namespace of its own, whose eth0 is the end of the tunnel to its VPC. It is made
// like a host of the server's own machine, so that whoever runs in it sees no difference. What is there is asked of the kernel.
import type { AttachedHost, HostNetwork } from "#domain/ports/host-network.ts";
import { hostScript } from "./host-script.ts";
import { namespaces } from "./kernel.ts";
import { networkNames } from "./names.ts";
import { DNS_ADDRESS, vpcAddresses } from "./ranges.ts";
import { inNamespace, inRoot, runCommand, type Run } from "./run.ts";
import { ensureNamespace, shell } from "./script.ts";
import { peersScript, smallPacketsScript, tunnelScript, type TunnelEnd } from "./tunnel-script.ts";

export interface MachineNetworkOptions {
  /** As of VPC networks: tells this data folder from others of the machine. */
  readonly scope: string;
  readonly vpcCidr: string;
  readonly tunnel: TunnelEnd;
  readonly imdsPort: number;
  readonly run?: Run;
}

export interface MachineNetwork extends HostNetwork {
  /** What is not of one host: the table that lets only known machines in. */
  removeShared(): Promise<void>;
}

/** On the host, the interface on which those of tasks are made. */
const TRUNK = "eth0";

export function createMachineNetwork(options: MachineNetworkOptions): MachineNetwork {
  const { vpcCidr, tunnel, imdsPort } = options;
  const run = options.run ?? runCommand;
  const names = networkNames(options.scope);
  const table = `${names.prefix}join`;

  return {
    async attachHost({ instanceId, privateIp, macAddress, metadataHopLimit }): Promise<AttachedHost> {
      const namespace = names.hostNamespace(instanceId);
      const link = { name: TRUNK, mac: macAddress, namespace, first: `${names.rootInterfacePrefix}tunnel` };
      await inRoot(run, shell(peersScript(table, tunnel)));
      await inRoot(run, shell({ before: [ensureNamespace(namespace), tunnelScript(tunnel, link)] }));
      const vpc = vpcAddresses(vpcCidr);
      const plan = {
        namespace,
        interfaceName: TRUNK,
        privateIp,
        macAddress,
        metadataHopLimit,
        vpc,
        imdsPort,
      };
      await inNamespace(run, namespace, shell(hostScript(plan)));
      await inNamespace(run, namespace, shell(smallPacketsScript));
      return { namespace, dnsServer: DNS_ADDRESS, vpcCidr, trunk: TRUNK };
    },
    async detachHost(instanceId) {
      const namespace = names.hostNamespace(instanceId);
      if ((await namespaces()).includes(namespace)) await run("ip", ["netns", "del", namespace]);
    },
    attachInterface: () => Promise.reject(new Error("Tasks' interfaces are made by this host's agent.")),
    detachInterface: () => Promise.resolve(),
    async listHosts() {
      return (await namespaces()).flatMap((namespace) => names.instanceOf(namespace) ?? []);
    },
    async removeShared() {
      await inRoot(run, shell({ before: [`nft delete table ip ${table} 2>/dev/null || true`] }));
    },
  };
}
