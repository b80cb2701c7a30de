// Follows the engine: its events as they come, and every container from time to time, because events get lost.
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock, type Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Engine } from "./engine/port.ts";
import type { HostTasks } from "./tasks.ts";

const SWEEP_MS = 5 * 60_000;
const SWEEP_SPREAD_MS = 30_000;
const RETRY = { initialMs: 500, maximumMs: 15_000, factor: 2, jitter: 0.2 };

export interface EngineWatchOptions {
  readonly engine: Pick<Engine, "watch">;
  readonly tasks: Pick<HostTasks, "containerChanged" | "sweep">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Begins at once, with a look at everything. Answers how to end it. */
export function watchEngine(options: EngineWatchOptions): () => void {
  const { engine, tasks, clock, random, logger, signal } = options;
  let watch: { close(): void } | undefined;
  let timer: Timer | undefined;
  const warn = (message: string) => (error: unknown) => logger.warn(message, { reason: messageOf(error) });

  const sweep = () => tasks.sweep().catch(warn("The containers could not be looked at"));
  const sweepLater = () => {
    timer = clock.after(SWEEP_MS + random.below(SWEEP_SPREAD_MS), () => void sweep().then(sweepLater));
  };

  const follow = async (): Promise<void> => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        watch = await engine.watch(
          (id) => void tasks.containerChanged(id).catch(warn("A container could not be looked at")),
          (reason) => {
            logger.warn("The engine's events broke off", { reason });
            if (!signal.aborted) void follow();
          },
        );
        if (signal.aborted) return watch.close();
        // What happened while nobody listened.
        await sweep();
        return;
      } catch (error) {
        warn("The engine's events cannot be followed")(error);
        await sleep(clock, backoffDelay(RETRY, attempt, random), signal).catch(() => {});
      }
    }
  };

  void follow();
  sweepLater();
  return () => {
    timer?.cancel();
    watch?.close();
  };
}
