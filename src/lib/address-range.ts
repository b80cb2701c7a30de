// Addresses and ranges as policies and event patterns name them, IPv4 and IPv6.

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Whether `address` is in `range` (`10.0.0.0/8`, `2001:db8::/32`, or one address). False for what is neither. */
export function isInRange(address: string, range: string): boolean {
  const [base, length, ...more] = range.split("/");
  const from = readAddress(base ?? "");
  const asked = readAddress(address);
  if (from === undefined || asked === undefined || from.bits !== asked.bits || more.length > 0) return false;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return false;
  const prefix = length === undefined ? from.bits : Number(length);
  if (prefix > from.bits) return false;
  const shift = BigInt(from.bits - prefix);
  return from.value >> shift === asked.value >> shift;
}

function readAddress(text: string): Address | undefined {
  const v4 = readV4(text);
  if (v4 !== undefined) return { bits: 32, value: v4 };
  const v6 = readV6(text);
  return v6 === undefined ? undefined : { bits: 128, value: v6 };
}

function readV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function readV6(text: string): bigint | undefined {
  // An IPv4 address may stand for the last two groups.
  const tail = /^(.*:)([^:]*\.[^:]*)$/.exec(text);
  const v4 = tail?.[2] === undefined ? undefined : readV4(tail[2]);
  if (tail !== null && v4 === undefined) return undefined;
  const groupsText =
    v4 === undefined ? text : `${tail?.[1] ?? ""}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const halves = groupsText.split("::");
  if (halves.length > 2) return undefined;
  const [head, rest] = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (head === undefined) return undefined;
  const missing = 8 - head.length - (rest?.length ?? 0);
  if (rest === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(Math.max(missing, 0)).fill("0"), ...(rest ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}
