// Chance as an input: ids, jitter and random placement all draw from here, so that a seed repeats a run.
import { randomBytes } from "node:crypto";

export interface Random {
  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string;
  /** `length` decimal digits, the first not zero. */
  digits(length: number): string;
  /** A version 4 UUID. */
  uuid(): string;
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** A number in [0, 1). */
  fraction(): number;
}

function fromBytes(bytes: (count: number) => Uint8Array): Random {
  const hex = (length: number) =>
    Buffer.from(bytes(Math.ceil(length / 2)))
      .toString("hex")
      .slice(0, length);
  const fraction = () => Buffer.from(bytes(6)).readUIntBE(0, 6) / 2 ** 48;
  const below = (bound: number) => Math.floor(fraction() * bound);
  return {
    hex,
    fraction,
    below,
    digits: (length) => Array.from({ length }, (_, i) => (i === 0 ? 1 + below(9) : below(10))).join(""),
    uuid() {
      const h = hex(32);
      const variant = "89ab"[below(4)] ?? "8";
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`;
    },
  };
}

/** The system's cryptographic source. */
export const systemRandom: Random = fromBytes((count) => randomBytes(count));

/** A repeatable source (mulberry32), for tests, the simulator and benches. Never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) & 0xff;
  };
  return fromBytes((count) => Uint8Array.from({ length: count }, next));
}
