// IPv4 blocks and which addresses of a subnet may be handed out. Pure arithmetic; who holds an address is an AddressRow.

export interface Ipv4Block {
  /** The network's first address as a number. */
  readonly base: number;
  /** Length of the prefix. */
  readonly prefix: number;
  /** How many addresses. */
  readonly size: number;
}

/** The number of a dotted address, or undefined when it is not one. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

/** The block of `10.64.0.0/16`; undefined when it is not one or has host bits set. */
export function parseBlock(text: string): Ipv4Block | undefined {
  const [address, length, ...rest] = text.split("/");
  const base = parseIpv4(address ?? "");
  if (base === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length ?? "")) return undefined;
  const prefix = Number(length);
  if (prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  return base % size === 0 ? { base, prefix, size } : undefined;
}

export function blockContains(block: Ipv4Block, address: number): boolean {
  return address >= block.base && address < block.base + block.size;
}

/** VPC User Guide, "Subnet CIDR blocks": the first four addresses and the last are AWS's own. */
const RESERVED_FIRST = 4;

/** How many addresses of the subnet can be handed out at all. */
export const usableAddresses = (block: Ipv4Block): number => Math.max(0, block.size - RESERVED_FIRST - 1);

/** Whether the address is one of the subnet's that can be handed out. */
export function isUsable(block: Ipv4Block, address: number): boolean {
  return address >= block.base + RESERVED_FIRST && address < block.base + block.size - 1;
}

/** The lowest address that nobody holds; undefined when the subnet is full. */
export function firstFree(cidrBlock: string, taken: ReadonlySet<string>): string | undefined {
  const block = parseBlock(cidrBlock);
  if (block === undefined) return undefined;
  for (let value = block.base + RESERVED_FIRST; value < block.base + block.size - 1; value++) {
    const address = formatIpv4(value);
    if (!taken.has(address)) return address;
  }
  return undefined;
}
