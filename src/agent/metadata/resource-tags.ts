// A resource's tags, asked of the control plane while a container waits for them: what may pass is tried again, but not for long.
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Random } from "#lib/random.ts";
import { CallFailed, type ControlPlane } from "../control-plane.ts";
import type { TagsView } from "./port.ts";

/** Less than the 5 seconds after which whoever asks has gone. */
const PATIENCE_MS = 4_000;
const RETRY = { initialMs: 500, maximumMs: 10_000, factor: 1.5, jitter: 0.2 };

export async function resourceTags(
  {
    controlPlane,
    clock,
    random,
  }: {
    readonly controlPlane: Pick<ControlPlane, "call">;
    readonly clock: Clock;
    readonly random: Random;
  },
  resourceArn: string,
): Promise<TagsView> {
  const giveUpAt = clock.monotonic() + PATIENCE_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await controlPlane.call("ListTagsForResource", { resourceArn });
      return { tags: readTags(answer["tags"]) };
    } catch (error) {
      const delay = backoffDelay(RETRY, attempt, random);
      if (mayPass(error) && clock.monotonic() + delay < giveUpAt) {
        await sleep(clock, delay);
        continue;
      }
      const { status, requestId } = error instanceof CallFailed ? error : {};
      return {
        failure: {
          resourceArn,
          code: error instanceof CallFailed ? error.code : "InternalError",
          message: messageOf(error),
          ...(status === undefined ? {} : { status }),
          ...(requestId === undefined ? {} : { requestId }),
        },
      };
    }
  }
}

const mayPass = (error: unknown): boolean =>
  error instanceof CallFailed &&
  (error.code === "Unreachable" || error.code === "ThrottlingException" || (error.status ?? 0) >= 500);

function readTags(value: unknown): Readonly<Record<string, string>> {
  const list = Array.isArray(value)
    ? (value as readonly { readonly key?: string; readonly value?: string }[])
    : [];
  return Object.fromEntries(
    list.flatMap((tag) => (tag.key === undefined ? [] : [[tag.key, tag.value ?? ""]])),
  );
}
