// Shell scripts that configure one network namespace in one process start: sysctls, `ip -batch`, `nft -f`. Every line may be run
// again, so a script that was cut short is finished by running it anew. Values come from checked ids and addresses. Pure.

export interface NamespaceScript {
  /** Lines run first, for what `ip -batch` can not say: "unless it is there". */
  readonly before?: readonly string[];
  readonly sysctls?: readonly Sysctl[];
  readonly ip?: readonly string[];
  readonly nft?: readonly string[];
}

export interface Sysctl {
  /** Below `net`, for instance `ipv4/ip_forward`. */
  readonly key: string;
  readonly value: number;
}

export const sysctl = (key: string, value: number): Sysctl => ({ key, value });

export function shell(script: NamespaceScript): string {
  return [
    "set -e",
    ...(script.before ?? []),
    ...(script.sysctls ?? []).map(setSysctl),
    // Rules come before the links they watch are up.
    ...here("nft -f -", script.nft),
    ...here("ip -batch -", script.ip),
    "",
  ].join("\n");
}

/** Where /proc/sys is read-only, a value that is right already will do; where the kernel has no IPv6, there is none to set. */
function setSysctl({ key, value }: Sysctl): string {
  const file = `/proc/sys/net/${key}`;
  const skip = key.startsWith("ipv6/") ? `[ ! -e ${file} ] || ` : "";
  return `${skip}echo ${value} 2>/dev/null >${file} || [ "$(cat ${file})" = ${value} ]`;
}

const here = (command: string, lines: readonly string[] | undefined): string[] =>
  lines === undefined || lines.length === 0 ? [] : [`${command} <<'END'`, ...lines, "END"];

/** Makes the namespace unless it can be entered; a name whose namespace was never mounted is made anew. */
export function ensureNamespace(namespace: string): string {
  return (
    `nsenter --net=/run/netns/${namespace} true 2>/dev/null || ` +
    `{ ip netns del ${namespace} 2>/dev/null || true; rm -f /run/netns/${namespace}; ip netns add ${namespace}; }`
  );
}

/** The same, once: an interface at its far end may have moved to where nobody here can look. */
export function onceVeth(...[end, peer]: Parameters<typeof ensureVeth>): string {
  return (
    `ip link show dev ${end.name} >/dev/null 2>&1 || ` +
    `ip link add ${end.name} address ${end.mac} type veth ` +
    `peer name ${peer.name} netns ${peer.namespace} address ${peer.mac}`
  );
}

/** A veth from here into `peer.namespace`. One whose other end is in a namespace that lost its name is replaced. */
export function ensureVeth(
  end: { readonly name: string; readonly mac: string },
  peer: { readonly name: string; readonly mac: string; readonly namespace: string },
): string {
  return (
    `{ ip link show dev ${end.name} && ip -n ${peer.namespace} link show dev ${peer.name}; } >/dev/null 2>&1 || ` +
    `{ ip link del ${end.name} 2>/dev/null || true; ` +
    `ip link add ${end.name} address ${end.mac} type veth ` +
    `peer name ${peer.name} netns ${peer.namespace} address ${peer.mac}; }`
  );
}
