// Bytes over a container's network per second, from two of the engine's statistics. Pure; trusts no member to be there.
import type { StatsView } from "./port.ts";

/** The members read of `GET /containers/{id}/stats`. */
interface Sample {
  readonly read?: string;
  readonly networks?: Readonly<
    Record<string, { readonly rx_bytes?: number; readonly tx_bytes?: number }>
  > | null;
}

/** Undefined when the container has no network of its own, or the samples are of one moment. */
export function networkRate(first: object, second: object): StatsView["networkRate"] {
  const [before, after] = [first as Sample, second as Sample];
  const seconds = (Date.parse(after.read ?? "") - Date.parse(before.read ?? "")) / 1000;
  if (!before.networks || !after.networks || !(seconds > 0)) return undefined;
  const rate = (name: "rx_bytes" | "tx_bytes") =>
    // A count that fell began anew.
    Math.max(0, (sum(after, name) - sum(before, name)) / seconds);
  return { rxBytesPerSecond: rate("rx_bytes"), txBytesPerSecond: rate("tx_bytes") };
}

const sum = ({ networks }: Sample, name: "rx_bytes" | "tx_bytes"): number =>
  Object.values(networks ?? {}).reduce((total, one) => total + (one[name] ?? 0), 0);
