import { expect, it } from "vitest";
import { networkRate } from "./network-rate.ts";

const sample = (read: string, rx: number, tx: number) => ({
  read: `2026-01-01T00:00:${read}Z`,
  networks: { eth0: { rx_bytes: rx, tx_bytes: tx }, eth1: { rx_bytes: 10, tx_bytes: 10 } },
});

it("the network's rate is over all interfaces between two samples", () => {
  expect(networkRate(sample("00.000", 100, 50), sample("02.000", 400, 60))).toEqual({
    rxBytesPerSecond: 150,
    txBytesPerSecond: 5,
  });
});

it.each([
  ["there is no network of its own", { read: "2026-01-01T00:00:00Z" }, sample("01", 1, 1)],
  ["the samples are of one moment", sample("01", 1, 1), sample("01", 2, 2)],
  ["the engine names no time", {}, {}],
])("there is none when %s", (_why, first, second) => {
  expect(networkRate(first, second)).toBeUndefined();
});

it("counts from nothing when a count began anew", () => {
  expect(networkRate(sample("00", 100, 100), sample("01", 5, 105))).toEqual({
    rxBytesPerSecond: 0,
    txBytesPerSecond: 5,
  });
});
