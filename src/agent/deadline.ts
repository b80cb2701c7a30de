// A call to the engine that must end: a hung engine is a failure with AWS's name for it.
import type { Clock } from "#lib/clock.ts";
import { TaskFailure } from "./hooks/hook.ts";

/** What `work` answers. @throws TaskFailure DockerTimeoutError when it takes longer; the work itself goes on. */
export function withDeadline<T>(
  clock: Clock,
  milliseconds: number,
  work: Promise<T>,
  goal: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(milliseconds, () =>
      reject(
        new TaskFailure(
          "DockerTimeoutError",
          `Could not transition to ${goal}; timed out after waiting ${Math.round(milliseconds / 1000)}s`,
        ),
      ),
    );
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: Error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
