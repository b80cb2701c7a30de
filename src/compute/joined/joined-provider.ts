// Hosts on other machines that joined: here only their end of the tunnel is made and removed; the machine makes the host itself
// when it asks what it is. Whoever is no such host goes to the provider of this machine's own hosts.
import type { InterfaceAttachment } from "#domain/ports/host-network.ts";
import type { ComputeProvider, HostSpec } from "../port.ts";

/** What the VPC's network does for a host behind a tunnel. Each call is safe twice. */
export interface TunnelNetwork {
  attachTunnel(spec: HostSpec, joined: NonNullable<HostSpec["joined"]>): Promise<void>;
  detachTunnel(instanceId: string): Promise<void>;
  attachTunnelledInterface(attachment: InterfaceAttachment): Promise<void>;
  detachTunnelledInterface(
    attachment: Pick<InterfaceAttachment, "vpcId" | "instanceId" | "privateIp" | "macAddress">,
  ): Promise<void>;
}

export interface JoinedProviderOptions {
  readonly own: ComputeProvider;
  readonly network: TunnelNetwork;
  /** How the host's tunnel runs; undefined for a host of this machine. */
  readonly tunnelOf: (instanceId: string) => HostSpec["joined"];
  /** The interface's addresses, while its row is there. */
  readonly interfaceOf: (
    interfaceId: string,
  ) => Pick<InterfaceAttachment, "privateIp" | "macAddress"> | undefined;
}

export function createJoinedProvider(options: JoinedProviderOptions): ComputeProvider {
  const { own, network, tunnelOf, interfaceOf } = options;
  return {
    async launch(spec) {
      if (spec.joined === undefined) return own.launch(spec);
      await network.attachTunnel(spec, spec.joined);
    },
    async terminate(instanceId) {
      if (tunnelOf(instanceId) === undefined) return own.terminate(instanceId);
      await network.detachTunnel(instanceId);
    },
    async attachInterface(attachment) {
      if (tunnelOf(attachment.instanceId) === undefined) return own.attachInterface(attachment);
      await network.attachTunnelledInterface(attachment);
    },
    async detachInterface(attachment) {
      if (tunnelOf(attachment.instanceId) === undefined) return own.detachInterface(attachment);
      const found = interfaceOf(attachment.interfaceId);
      if (found !== undefined) await network.detachTunnelledInterface({ ...attachment, ...found });
    },
    list: () => own.list(),
    async consoleOutput(instanceId) {
      const tunnel = tunnelOf(instanceId);
      if (tunnel === undefined) return own.consoleOutput(instanceId);
      return `This host is on another machine, ${tunnel.machineAddress}: its console is there.\n`;
    },
  };
}
