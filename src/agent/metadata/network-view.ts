// What the metadata endpoint tells of a container's network. Pure.
import type { WireTask } from "#acs/messages.ts";
import { formatIpv4, parseIpv4 } from "#domain/ec2/ipv4.ts";
import { interfaceOf } from "../network/pause.ts";
import type { NetworkView } from "./port.ts";

/** @param addresses of the container on the engine's own networks */
export function networkView(task: WireTask, addresses: readonly string[]): NetworkView {
  const mode = task.networkMode ?? "bridge";
  const own = interfaceOf(task);
  if (own === undefined) return { mode, ipv4Addresses: addresses };
  return {
    mode,
    ipv4Addresses: own.ipv4Addresses.map((a) => a.privateAddress),
    eni: {
      attachmentIndex: own.index,
      macAddress: own.macAddress,
      ipv4SubnetCidrBlock: blockOf(own.subnetGatewayIpv4Address),
      subnetGatewayIpv4Address: own.subnetGatewayIpv4Address,
      domainNameServers: own.domainNameServers,
      domainNameSearchList: own.domainName,
      privateDnsName: own.privateDnsName,
    },
  };
}

/** `10.64.0.1/24` → `10.64.0.0/24`. */
function blockOf(gateway: string): string {
  const [address = "", prefix = ""] = gateway.split("/");
  const value = parseIpv4(address) ?? 0;
  return `${formatIpv4(value - (value % 2 ** (32 - Number(prefix))))}/${prefix}`;
}
