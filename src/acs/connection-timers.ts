// The two times after which an agent closes a connection of its own (agent protocol, "Timers"): silence of the server, and age.
import type { Clock, Timer } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { Duplex } from "./duplex.ts";

const SILENCE_MS = 60_000;
const SILENCE_SPREAD_MS = 60_000;
const AGE_MS = 30 * 60_000;
const AGE_SPREAD_MS = 5 * 60_000;

export interface ConnectionTimers {
  /** The server said something that counts. */
  heard(): void;
  cancel(): void;
}

export function connectionTimers({
  duplex,
  clock,
  random,
}: {
  readonly duplex: Duplex;
  readonly clock: Clock;
  readonly random: Random;
}): ConnectionTimers {
  const silence = SILENCE_MS + random.below(SILENCE_SPREAD_MS);
  const expires = clock.monotonic() + AGE_MS + random.below(AGE_SPREAD_MS);
  let lastHeard = clock.monotonic();
  let timer: Timer;

  // One timer for both, set anew only when it fires: a message costs nothing.
  const watch = () => {
    const now = clock.monotonic();
    if (now >= expires) return duplex.close(1000, "ConnectionExpired: Reconnect to continue");
    const silent = lastHeard + silence;
    if (now >= silent) return duplex.close(1001, "The server was silent");
    timer = clock.after(Math.min(silent, expires) - now, watch);
  };
  timer = clock.after(silence, watch);

  return {
    heard: () => void (lastHeard = clock.monotonic()),
    cancel: () => timer.cancel(),
  };
}
