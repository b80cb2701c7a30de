// One task's life on this host: events go through `step`, its effects to the engine and the hooks. What changed is stored before
// its effects begin. It decides nothing itself.
import type { Clock, Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import { TaskFailure } from "../hooks/hook.ts";
import type { StateStore } from "../state-store.ts";
import { carryOut, type ActionDependencies } from "./actions.ts";
import type { TaskEffect, TaskEvent } from "./events.ts";
import { hookTaskOf, type TaskState } from "./state.ts";
import { step } from "./step.ts";

export interface RunnerDependencies extends ActionDependencies {
  readonly clock: Clock;
  readonly store: StateStore;
  readonly logger: Logger;
  /** After each step that changed something. */
  readonly onChange: (runner: TaskRunner) => void;
  /** The task's resources are free. */
  readonly onRelease: (runner: TaskRunner) => void;
  /** The task is cleaned up and gone. */
  readonly onForgotten: (runner: TaskRunner) => void;
}

export interface TaskRunner {
  readonly arn: string;
  readonly state: TaskState;
  /** A task that was not stored yet: stores it and takes its first step. */
  begin(): void;
  dispatch(event: TaskEvent): void;
  /** Resolves when the present state is safe. @throws when it could not be stored */
  stored(): Promise<void>;
  /** Stops acting; containers go on. */
  close(): void;
}

export function createTaskRunner(initial: TaskState, dependencies: RunnerDependencies): TaskRunner {
  const { clock, store, settings, hooks, engine, logger } = dependencies;
  const hookTask = hookTaskOf(initial);
  let state = initial;
  let saved: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  let timerAt: number | undefined;
  let closed = false;
  /** Hooks of one task run one after another. */
  let hostWork: Promise<void> = Promise.resolve();

  const runner: TaskRunner = {
    arn: initial.task.arn,
    get state() {
      return state;
    },
    begin() {
      save();
      runner.dispatch({ type: "woke" });
    },
    dispatch(event) {
      if (closed) return;
      const next = step(state, event, clock.now(), settings);
      const changed = next.state !== state;
      state = next.state;
      if (changed) save();
      wake(next.wakeAt);
      for (const effect of next.effects) void perform(effect);
      if (changed) dependencies.onChange(runner);
    },
    stored: () => saved,
    close() {
      closed = true;
      timer?.cancel();
    },
  };

  const save = () => {
    saved = store.saveTask(state);
    saved.catch((error: unknown) =>
      logger.error("A task's state could not be stored", { taskArn: runner.arn, reason: messageOf(error) }),
    );
  };

  const wake = (at: number | undefined) => {
    if (at === timerAt) return;
    timer?.cancel();
    timerAt = at;
    timer =
      at === undefined
        ? undefined
        : clock.after(Math.max(0, at - clock.now()), () => {
            timerAt = undefined;
            runner.dispatch({ type: "woke" });
          });
  };

  const perform = async (effect: TaskEffect): Promise<void> => {
    const before = state;
    // A full disk must not keep a container from being stopped; its loss was logged.
    await saved.catch(() => {});
    if (closed) return;
    switch (effect.type) {
      case "release":
        dependencies.onRelease(runner);
        return onHost("stopped");
      case "prepare":
        return onHost("prepare");
      case "cleanup":
        return onHost("cleanup");
      default: {
        const event = await carryOut(before, effect, dependencies);
        if (event.type === "failed")
          logger.warn("A container could not be moved on", { taskArn: runner.arn, ...event });
        runner.dispatch(event);
      }
    }
  };

  const onHost = (work: "prepare" | "stopped" | "cleanup"): Promise<void> => {
    hostWork = hostWork.then(() => (closed ? undefined : hostWorks[work]()));
    return hostWork;
  };

  const reversed = [...hooks].reverse();
  const hostWorks = {
    async prepare(): Promise<void> {
      try {
        for (const hook of hooks) await hook.prepare?.(hookTask);
        runner.dispatch({ type: "prepared" });
      } catch (error) {
        const reason =
          error instanceof TaskFailure ? error.reason : `ResourceInitializationError: ${messageOf(error)}`;
        logger.warn("A task's host resources could not be prepared", { taskArn: runner.arn, reason });
        runner.dispatch({ type: "hostFailed", reason });
      }
    },
    async stopped(): Promise<void> {
      for (const hook of reversed)
        await hook.stopped?.(hookTask).catch((error: unknown) =>
          logger.warn("A hook failed at a task's end", {
            taskArn: runner.arn,
            hook: hook.name,
            reason: messageOf(error),
          }),
        );
    },
    async cleanup(): Promise<void> {
      try {
        for (const { runtimeId } of state.containers)
          if (runtimeId !== undefined) await engine.remove(runtimeId);
        for (const hook of reversed) await hook.cleanup?.(hookTask);
      } catch (error) {
        logger.warn("A task could not be cleaned up", { taskArn: runner.arn, reason: messageOf(error) });
        return runner.dispatch({ type: "cleanupFailed" });
      }
      await store.removeTask(runner.arn).catch((error: unknown) =>
        logger.error("A task's stored state could not be removed", {
          taskArn: runner.arn,
          reason: messageOf(error),
        }),
      );
      runner.close();
      dependencies.onForgotten(runner);
    },
  };

  return runner;
}
