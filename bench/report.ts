// What every bench prints: its results as JSON with the machine and the commit they were measured on.
import { execFileSync } from "node:child_process";
import { arch, cpus, release, totalmem } from "node:os";

export function report(bench: string, results: Readonly<Record<string, unknown>>): void {
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: round(totalmem() / 2 ** 30, 1),
    kernel: release(),
    arch: arch(),
    node: process.version,
  };
  console.log(JSON.stringify({ bench, commit: commit(), machine, ...results }, undefined, 2));
}

function commit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "-uno") === "" ? "" : "+changes"}`;
}

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** p50, p90, p99 and the largest of `values`. */
export function percentiles(values: readonly number[]): Readonly<Record<string, number>> {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
