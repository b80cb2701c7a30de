// Reports of tasks to the control plane: of one task one at a time and in order, of all together a few at a time, each tried
// until it is accepted. What is to be said is read from the task when it is said, so nothing is lost over a restart.
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock, type Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";
import { pendingReport } from "./task/report.ts";
import type { TaskRunner } from "./task/runner.ts";

export interface Reports {
  /** The task may have something to report. */
  notify(task: TaskRunner): void;
  close(): void;
}

const RETRY = { initialMs: 1_000, maximumMs: 30_000, factor: 1.3, jitter: 0.2 };
const IN_FLIGHT = 10;
/** News of containers alone waits so long for news of the task. */
const FLUSH_MINIMUM_MS = 10_000;
const FLUSH_SPREAD_MS = 20_000;

export function createReports({
  controlPlane,
  cluster,
  clock,
  random,
  logger,
}: {
  readonly controlPlane: Pick<ControlPlane, "call">;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Reports {
  const closing = new AbortController();
  const talking = new Set<string>();
  const flushes = new Map<string, Timer>();
  const waiting: (() => void)[] = [];
  let inFlight = 0;

  const slot = async () => {
    if (inFlight >= IN_FLIGHT) await new Promise<void>((resolve) => waiting.push(resolve));
    inFlight++;
  };
  const freeSlot = () => {
    inFlight--;
    waiting.shift()?.();
  };
  const cancelFlush = (arn: string) => {
    flushes.get(arn)?.cancel();
    flushes.delete(arn);
  };

  /** One attempt; true when the control plane has taken the report or will never take it. */
  const submit = async (task: TaskRunner): Promise<boolean> => {
    const report = pendingReport(task.state);
    if (report === undefined) return true;
    try {
      await controlPlane.call("SubmitTaskStateChange", { cluster, ...report.input });
    } catch (error) {
      const dropped = error instanceof CallFailed && error.code === "InvalidParameterException";
      logger.warn(dropped ? "A task's report was refused" : "A task could not be reported", {
        taskArn: task.arn,
        reason: messageOf(error),
      });
      if (!dropped) return false;
    }
    task.dispatch({ type: "reported", reported: report.reported });
    return true;
  };

  const talk = async (task: TaskRunner): Promise<void> => {
    talking.add(task.arn);
    cancelFlush(task.arn);
    try {
      for (let attempt = 0; pendingReport(task.state) !== undefined && !closing.signal.aborted;) {
        await slot();
        const accepted = await submit(task).finally(freeSlot);
        if (!accepted) await sleep(clock, backoffDelay(RETRY, attempt++, random), closing.signal);
        else if (pendingReport(task.state)?.urgent !== true) break;
        else attempt = 0;
      }
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    } finally {
      talking.delete(task.arn);
    }
    notify(task);
  };

  const notify = (task: TaskRunner): void => {
    if (closing.signal.aborted || talking.has(task.arn)) return;
    const report = pendingReport(task.state);
    if (report === undefined) return cancelFlush(task.arn);
    const begin = () =>
      void talk(task).catch((error: unknown) =>
        logger.error("A task's reports broke off", { taskArn: task.arn, reason: messageOf(error) }),
      );
    if (report.urgent) return begin();
    if (flushes.has(task.arn)) return;
    flushes.set(task.arn, clock.after(FLUSH_MINIMUM_MS + random.below(FLUSH_SPREAD_MS), begin));
  };

  return {
    notify,
    close() {
      closing.abort(new Error("The agent is closing."));
      for (const timer of flushes.values()) timer.cancel();
      flushes.clear();
    },
  };
}
