// How namespaces, interfaces, tables and services are called, so that several data folders share one machine and a name alone
// tells whose it is. Nothing is remembered: what exists is found again by these names. Pure.

/** The kernel's limit for an interface's name (IFNAMSIZ less the closing zero). */
export const INTERFACE_NAME_LENGTH = 15;

const scopePattern = /^[a-z0-9]{1,6}$/;
const idPattern = /^(vpc|i|eni)-([0-9a-f]{8}|[0-9a-f]{17})$/;

/** The names of one data folder. */
export interface NetworkNames {
  /** Every namespace and nft table of this data folder begins with it, and no other data folder's does. */
  readonly prefix: string;
  /** Every interface of this data folder in the root namespace begins with it. */
  readonly rootInterfacePrefix: string;
  vpcNamespace(vpcId: string): string;
  hostNamespace(instanceId: string): string;
  /** The root namespace's end of the VPC's veth. */
  rootInterface(vpcId: string): string;
  /** The nft table in the root namespace, also the comment on rules that other firewalls' chains must hold. */
  rootTable(vpcId: string): string;
  /** The VPC that a namespace is of, undefined when it is none of this data folder's. */
  vpcOf(namespace: string): string | undefined;
  /** The instance that a namespace is of, undefined when it is none of this data folder's. */
  instanceOf(namespace: string): string | undefined;
}

/** @param scope 1 to 6 of `[a-z0-9]`. @throws RangeError */
export function networkNames(scope: string): NetworkNames {
  if (!scopePattern.test(scope)) throw new RangeError(`Not a scope: "${scope}"`);
  const prefix = `estiba-${scope}-`;
  const rootInterfacePrefix = `eb${scope}-`;
  const idIn = (namespace: string, kind: "vpc" | "i") => {
    const id = namespace.startsWith(prefix) ? namespace.slice(prefix.length) : "";
    return idPattern.exec(id)?.[1] === kind ? id : undefined;
  };
  return {
    prefix,
    rootInterfacePrefix,
    vpcNamespace: (vpcId) => prefix + checkedId(vpcId, "vpc"),
    hostNamespace: (instanceId) => prefix + checkedId(instanceId, "i"),
    // Six digits of base 36 leave room for the scope; a data folder has few VPCs, and their ids are random.
    rootInterface: (vpcId) =>
      rootInterfacePrefix + (number(checkedId(vpcId, "vpc")) % 36n ** 6n).toString(36).padStart(6, "0"),
    rootTable: (vpcId) => prefix + checkedId(vpcId, "vpc"),
    vpcOf: (namespace) => idIn(namespace, "vpc"),
    instanceOf: (namespace) => idIn(namespace, "i"),
  };
}

/** The VPC namespace's end of a host's veth: one for each id, in the 15 characters that the kernel allows. */
export function hostInterface(instanceId: string): string {
  return `i${number(checkedId(instanceId, "i")).toString(36)}`;
}

/** The VPC namespace's end of a task's interface, and its first name on the host. */
export function taskInterface(interfaceId: string): string {
  return `e${number(checkedId(interfaceId, "eni")).toString(36)}`;
}

/** The VPC namespace's end of the veth to the root namespace. */
export const UPLINK = "uplink";

/** Supervised services: the VPC's DNS server, and the one in the root namespace that it asks when only that can. */
export const dnsService = (vpcId: string): string => `dns-${checkedId(vpcId, "vpc")}`;
export const forwarderService = (vpcId: string): string => `dnsfwd-${checkedId(vpcId, "vpc")}`;
export const isNetworkService = (name: string): boolean => /^dns(fwd)?-vpc-[0-9a-f]+$/.test(name);

/** An id's digits behind a leading 1, so that ids of 8 and of 17 digits never meet. */
const number = (id: string): bigint => BigInt(`0x1${id.slice(id.indexOf("-") + 1)}`);

function checkedId(id: string, kind: "vpc" | "i" | "eni"): string {
  if (idPattern.exec(id)?.[1] !== kind) throw new RangeError(`Not an id of ${kind}-: "${id}"`);
  return id;
}
