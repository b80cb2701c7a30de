// What the docker labels of a task definition make a simulated container do (docs/simulation.md). Pure.

export interface SimulatedLife {
  readonly pullFails: string | undefined;
  readonly pullMs: number;
  readonly createFails: string | undefined;
  readonly startFails: string | undefined;
  readonly startMs: number;
  /** Ends by itself so long after its start; undefined: runs until stopped. */
  readonly runMs: number | undefined;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** How long it takes to end after the stop signal, and with which exit code. */
  readonly stopMs: number;
  readonly stopExitCode: number;
  /** What its health check comes to, and when; `starting` for ever. */
  readonly health: "healthy" | "unhealthy" | "starting";
  readonly healthMs: number;
  /** It is healthy first and unhealthy so long after its start. */
  readonly unhealthyAfterMs: number | undefined;
  /** Percent of the host, and MiB. */
  readonly cpuPercent: number;
  readonly memoryMiB: number;
}

export const SIM_LABEL_PREFIX = "estiba.sim.";

/** A label of ours that is not known or has a senseless value. */
export class BadSimulationLabel extends Error {
  override readonly name = "BadSimulationLabel";
}

const KNOWN = [
  ...["pull", "pull-seconds", "create", "start", "start-seconds", "run-seconds", "exit-code"],
  ...["out-of-memory", "stop-seconds", "stop-exit-code", "health", "health-seconds"],
  ...["unhealthy-after-seconds", "cpu-percent", "memory-mib"],
];

/** @throws BadSimulationLabel */
export function simulatedLife(labels: Readonly<Record<string, string>>): SimulatedLife {
  const get = (name: string) => labels[SIM_LABEL_PREFIX + name];
  const bad = (name: string, expected: string) =>
    new BadSimulationLabel(
      `The label ${SIM_LABEL_PREFIX}${name} is ${JSON.stringify(get(name))}; expected ${expected}.`,
    );
  for (const label of Object.keys(labels)) {
    if (label.startsWith(SIM_LABEL_PREFIX) && !KNOWN.includes(label.slice(SIM_LABEL_PREFIX.length)))
      throw new BadSimulationLabel(`There is no label ${label}.`);
  }
  const number = (name: string): number | undefined => {
    const text = get(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < 0) throw bad(name, "a number from 0");
    return value;
  };
  const ms = (name: string) => {
    const seconds = number(name);
    return seconds === undefined ? undefined : Math.round(seconds * 1000);
  };
  /** `fail`, or `fail: words`. */
  const failure = (name: string): string | undefined => {
    const text = get(name);
    if (text === undefined) return undefined;
    if (!/^fail(:|$)/.test(text)) throw bad(name, "fail, or fail: and words");
    return text.slice("fail:".length).trim() || "simulated failure";
  };
  const health = get("health") ?? "healthy";
  if (health !== "healthy" && health !== "unhealthy" && health !== "starting")
    throw bad("health", "healthy, unhealthy or starting");
  const outOfMemory = get("out-of-memory") === "true";
  return {
    pullFails: failure("pull"),
    pullMs: ms("pull-seconds") ?? 0,
    createFails: failure("create"),
    startFails: failure("start"),
    startMs: ms("start-seconds") ?? 0,
    runMs: ms("run-seconds"),
    exitCode: number("exit-code") ?? (outOfMemory ? 137 : 0),
    outOfMemory,
    stopMs: ms("stop-seconds") ?? 0,
    stopExitCode: number("stop-exit-code") ?? 143,
    health,
    healthMs: ms("health-seconds") ?? 1_000,
    unhealthyAfterMs: ms("unhealthy-after-seconds"),
    cpuPercent: number("cpu-percent") ?? 1,
    memoryMiB: number("memory-mib") ?? 16,
  };
}
