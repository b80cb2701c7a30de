// Getting a container's image (ECS_IMAGE_PULL_BEHAVIOR). Pulls of one image at a time are one pull.
import { messageOf } from "#lib/errors.ts";
import { EngineError, type Engine } from "../engine/port.ts";
import { TaskFailure } from "./hook.ts";

/**
 * `default`: a pull, and when that fails what the engine has: a tag that was given to another image is followed.
 * `prefer-cached`: what the engine has, else a pull. `always`: a pull.
 */
export type ImagePullBehavior = "prefer-cached" | "default" | "always";

export interface Images {
  /** @throws TaskFailure CannotPullContainerError; EngineError `unreachable` when it is worth another try. */
  obtain(reference: string, labels: Readonly<Record<string, string>>): Promise<void>;
}

export function createImages(
  engine: Pick<Engine, "findImage" | "pullImage">,
  behavior: ImagePullBehavior,
): Images {
  const pulls = new Map<string, Promise<unknown>>();

  const pull = (reference: string, labels: Readonly<Record<string, string>>): Promise<unknown> => {
    const key = `${reference}\n${JSON.stringify(labels)}`;
    const running = pulls.get(key);
    if (running !== undefined) return running;
    const started = engine.pullImage(reference, labels).finally(() => pulls.delete(key));
    pulls.set(key, started);
    return started;
  };

  return {
    async obtain(reference, labels) {
      if (behavior === "prefer-cached" && (await engine.findImage(reference)) !== undefined) return;
      try {
        await pull(reference, labels);
      } catch (error) {
        if (error instanceof EngineError && error.kind === "unreachable") throw error;
        if (behavior === "default" && (await engine.findImage(reference)) !== undefined) return;
        throw new TaskFailure("CannotPullContainerError", messageOf(error));
      }
    },
  };
}
