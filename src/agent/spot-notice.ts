// Drains the host when its Spot interruption is announced (ECS_ENABLE_SPOT_INSTANCE_DRAINING), as the stock agent does: the
// metadata service is asked each second, then the control plane until it has taken the word. What becomes of the tasks is the
// services' to decide.
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { AgentConfig } from "./config.ts";
import type { ControlPlane } from "./control-plane.ts";

export interface SpotNoticeOptions {
  readonly spotAction: () => Promise<string | undefined>;
  readonly controlPlane: Pick<ControlPlane, "call">;
  readonly config: Pick<AgentConfig, "cluster">;
  readonly containerInstanceArn: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const INTERVAL_MS = 1_000;
/** EC2 User Guide, "Spot Instance interruption notices". */
const ACTIONS = new Set(["hibernate", "stop", "terminate"]);

/** Resolves when the host is draining or the signal is aborted; never rejects. */
export async function drainOnSpotNotice(options: SpotNoticeOptions): Promise<void> {
  const { spotAction, logger } = options;
  const action = await eachSecond(options, "The metadata service was not read", async () => {
    const announced = await spotAction();
    return announced !== undefined && ACTIONS.has(announced) ? announced : undefined;
  });
  if (action === undefined) return;
  logger.warn("This Spot Instance will be interrupted: it drains", { action });
  await eachSecond(options, "The container instance was not set to DRAINING", () => drain(options));
}

async function drain({
  controlPlane,
  config,
  containerInstanceArn,
  logger,
}: SpotNoticeOptions): Promise<true> {
  const { failures } = await controlPlane.call("UpdateContainerInstancesState", {
    cluster: config.cluster,
    containerInstances: [containerInstanceArn],
    status: "DRAINING",
  });
  // An instance that is unknown or deregistered will not drain however often it asks.
  if (Array.isArray(failures) && failures.length > 0)
    logger.error("The container instance cannot be drained", { failures });
  else logger.info("The container instance is draining", { containerInstanceArn });
  return true;
}

/** What `work` finds; undefined when the signal was aborted. Of failures in a row the first is told. */
async function eachSecond<T>(
  { clock, logger, signal }: SpotNoticeOptions,
  failed: string,
  work: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let isTold = false;
  while (!signal.aborted) {
    try {
      const found = await work();
      if (found !== undefined) return found;
      isTold = false;
    } catch (error) {
      if (!isTold) logger.warn(failed, { reason: messageOf(error) });
      isTold = true;
    }
    await sleep(clock, INTERVAL_MS, signal).catch(() => undefined);
  }
  return undefined;
}
