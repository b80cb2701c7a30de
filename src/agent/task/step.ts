// The life of a task, one step at a time: (state, event) → next state, what to do, when to wake. Pure and total: an event that
// does not fit changes nothing. Statuses only move forward.
import { advance, wakeAt } from "./advance.ts";
import { apply } from "./apply.ts";
import type { StepSettings, TaskEffect, TaskEvent } from "./events.ts";
import type { TaskState } from "./state.ts";

export interface Step {
  readonly state: TaskState;
  /** In the order in which they are to be begun. */
  readonly effects: readonly TaskEffect[];
  /** Epoch milliseconds at which `woke` is due; undefined when only an event moves the task. */
  readonly wakeAt: number | undefined;
}

export function step(state: TaskState, event: TaskEvent, now: number, settings: StepSettings): Step {
  const advanced = advance(apply(state, event, now, settings), now, settings);
  return { ...advanced, wakeAt: wakeAt(advanced.state, now, settings) };
}
