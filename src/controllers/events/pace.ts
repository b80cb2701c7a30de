// No more invocations of one API destination a second than it allows: whoever comes too early waits for a turn.
import { sleep, type Clock } from "#lib/clock.ts";

export type Pace = (name: string, perSecond: number) => Promise<void>;

export function createPace(clock: Clock): Pace {
  /** When the next may go, by the monotonic clock. */
  const next = new Map<string, number>();
  return async (name, perSecond) => {
    const now = clock.monotonic();
    const turn = Math.max(now, next.get(name) ?? 0);
    next.set(name, turn + 1000 / perSecond);
    if (turn > now) await sleep(clock, turn - now);
  };
}
