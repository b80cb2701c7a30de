// Keeps one channel to the control plane open: opens it, waits for its end, opens it again with the delays of the agent
// protocol ("Timers"). An inactive instance is asked again after an hour.
import { backoffDelay, type BackoffPolicy } from "#lib/backoff.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Duplex } from "#acs/duplex.ts";

export const ACS_RECONNECT: BackoffPolicy = { initialMs: 250, maximumMs: 120_000, factor: 1.5, jitter: 0.2 };
export const TCS_RECONNECT: BackoffPolicy = { initialMs: 1_000, maximumMs: 60_000, factor: 2, jitter: 0.2 };

const INACTIVE_WAIT_MS = 60 * 60 * 1000;
/** A connection that lived so long was a good one: the delays begin anew. */
const GOOD_MS = 60_000;
/** One that ended in an orderly way is opened again at once, unless it hardly began. */
const BRIEF_MS = 1_000;
const ORDERLY = new Set([1000, 1001, 1006, 1011]);

export interface ChannelOptions {
  readonly name: "acs" | "tcs";
  readonly open: () => Promise<Duplex>;
  /** Serves an open connection; resolves with the code at its end. */
  readonly serve: (duplex: Duplex) => Promise<number>;
  /** The control plane says that this instance is no longer one. */
  readonly onInactive?: () => void;
  readonly policy: BackoffPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when the signal is aborted; never rejects. */
export async function keepConnected(options: ChannelOptions): Promise<void> {
  const { name, clock, random, logger, signal, policy } = options;
  let attempt = 0;
  while (!signal.aborted) {
    let wait: number | undefined;
    try {
      const duplex = await options.open();
      if (signal.aborted) return duplex.close(1000, "The agent is closing");
      const since = clock.monotonic();
      const code = await options.serve(duplex);
      const lived = clock.monotonic() - since;
      if (lived >= GOOD_MS) attempt = 0;
      if (ORDERLY.has(code) && lived >= BRIEF_MS) wait = 0;
      logger.info("A channel has ended", { channel: name, code, livedMs: Math.round(lived) });
    } catch (error) {
      const reason = messageOf(error);
      logger.warn("A channel could not be opened", { channel: name, reason });
      if (reason.includes("InactiveInstanceException")) {
        options.onInactive?.();
        wait = INACTIVE_WAIT_MS;
      }
    }
    await sleep(clock, wait ?? backoffDelay(policy, attempt++, random), signal).catch(() => {});
  }
}
