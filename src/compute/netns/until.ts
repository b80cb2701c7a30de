// Waits for what tells nobody when it happens (a socket that answers, an empty cgroup): looks again after growing pauses.
import { sleep, type Clock } from "#lib/clock.ts";

export interface UntilOptions {
  readonly clock: Clock;
  /** Milliseconds; without it only the signal ends the wait. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** The error when time is up. */
  readonly late: () => Promise<string> | string;
}

const firstPauseMs = 10;
const longestPauseMs = 250;

/** Resolves with the first answer of `look` that is not undefined. @throws Error `late()` when time is up */
export async function until<T>(look: () => Promise<T | undefined>, options: UntilOptions): Promise<T> {
  const { clock, timeoutMs, signal, late } = options;
  const start = clock.monotonic();
  for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 1.5)) {
    signal?.throwIfAborted();
    const answer = await look();
    if (answer !== undefined) return answer;
    if (timeoutMs !== undefined && clock.monotonic() - start >= timeoutMs) throw new Error(await late());
    await sleep(clock, pause, signal);
  }
}
