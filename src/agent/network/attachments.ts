// Interfaces that the control plane has announced: looks out for each until it is on the host, then confirms it (agent protocol,
// "Attachments"). Nothing is stored: what is still awaited is announced again on every connection.
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { AcsServerMessages } from "#acs/messages.ts";
import { CallFailed, type ControlPlane } from "../control-plane.ts";
import type { HostInterfaces } from "./port.ts";

export interface Attachments {
  announced(message: AcsServerMessages["AttachTaskNetworkInterfacesMessage"]): void;
}

export interface AttachmentDependencies {
  readonly interfaces: HostInterfaces;
  readonly controlPlane: Pick<ControlPlane, "call">;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Making an interface takes some hundredths of a second. */
const LOOK: Parameters<typeof backoffDelay>[0] = { initialMs: 50, maximumMs: 1_000, factor: 1.5, jitter: 0 };
const RETRY: typeof LOOK = { initialMs: 250, maximumMs: 10_000, factor: 2, jitter: 0.2 };

export function createAttachments(dependencies: AttachmentDependencies): Attachments {
  const { interfaces, controlPlane, cluster, clock, random, logger, signal } = dependencies;
  const awaited = new Set<string>();

  const confirm = async (task: string, attachmentArn: string, deadline: number): Promise<void> => {
    for (let attempt = 0; clock.monotonic() < deadline; attempt++) {
      try {
        const attachments = [{ attachmentArn, status: "ATTACHED" }];
        await controlPlane.call("SubmitTaskStateChange", { cluster, task, attachments });
        return;
      } catch (error) {
        if (error instanceof CallFailed && error.code === "InvalidParameterException") throw error;
        await sleep(clock, backoffDelay(RETRY, attempt, random), signal);
      }
    }
  };

  const lookOut = async (task: string, attachmentArn: string, mac: string, deadline: number) => {
    for (let attempt = 0; clock.monotonic() < deadline; attempt++) {
      if (await interfaces.has(mac)) return confirm(task, attachmentArn, deadline);
      await sleep(clock, backoffDelay(LOOK, attempt, random), signal);
    }
    logger.warn("A task's network interface did not come in time", { taskArn: task, attachmentArn });
  };

  return {
    announced({ taskArn, waitTimeoutMs, elasticNetworkInterfaces }) {
      const deadline = clock.monotonic() + waitTimeoutMs;
      for (const { attachmentArn, macAddress } of elasticNetworkInterfaces) {
        if (awaited.has(attachmentArn)) continue;
        awaited.add(attachmentArn);
        lookOut(taskArn, attachmentArn, macAddress.toLowerCase(), deadline)
          .catch((error: unknown) => {
            if (!signal.aborted)
              logger.warn("A task's network interface could not be confirmed", {
                taskArn,
                attachmentArn,
                reason: messageOf(error),
              });
          })
          .finally(() => awaited.delete(attachmentArn));
      }
    },
  };
}
