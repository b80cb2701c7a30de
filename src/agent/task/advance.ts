// A task's state → what is to be done next, and when to look again. Pure; asks for each thing once, until it is answered.
import { change, DEPENDENCY_EXIT_CODE, ended } from "./apply.ts";
import { mayBegin, mayEnd, startDeadline } from "./dependencies.ts";
import type { StepSettings, TaskEffect } from "./events.ts";
import { definitionOf, isStopped, type TaskContainer, type TaskState } from "./state.ts";

/** A task whose end the control plane does not accept is kept this long (agent protocol, "Clean-up"). */
const UNREPORTED_KEPT_MS = 72 * 60 * 60 * 1000;

export interface Advanced {
  readonly state: TaskState;
  readonly effects: readonly TaskEffect[];
}

export function advance(state: TaskState, now: number, settings: StepSettings): Advanced {
  const effects: TaskEffect[] = [];
  let current = state;
  for (let before: TaskState | undefined; before !== current;) {
    before = current;
    current = followEssential(current, now);
    for (const { name } of current.containers) {
      const [container, effect] = nextOf(current, name, now, settings);
      if (container !== undefined) current = change(current, name, () => container);
      if (effect !== undefined) effects.push(effect);
    }
  }
  if (effects.some((e) => e.type === "pull") && current.pullStartedAt === undefined)
    current = { ...current, pullStartedAt: now };
  if (mayPrepare(current)) {
    effects.push({ type: "prepare" });
    current = { ...current, hostAction: "prepare" };
  }
  if (current.stoppedAt === undefined && isStopped(current)) {
    effects.push({ type: "release" });
    const executionStoppedAt =
      current.executionStoppedAt ?? (current.containers.length === 0 ? undefined : now);
    current = {
      ...current,
      stoppedAt: now,
      ...(executionStoppedAt === undefined ? {} : { executionStoppedAt }),
    };
  }
  const cleanup = cleanupAt(current, settings);
  if (cleanup !== undefined && now >= cleanup) {
    effects.push({ type: "cleanup" });
    current = { ...current, hostAction: "cleanup" };
  }
  return { state: current, effects };
}

/** When there is something to do although nothing happens; undefined when there is not. */
export function wakeAt(state: TaskState, now: number, settings: StepSettings): number | undefined {
  const times = [
    cleanupAt(state, settings),
    ...state.containers.flatMap((c) => [
      c.retry?.at,
      state.containers.some((other) => other.status === "NONE") ? startDeadline(state, c) : undefined,
    ]),
  ].filter((time): time is number => time !== undefined && time > now);
  return times.length === 0 ? undefined : Math.min(...times);
}

const mayPrepare = (state: TaskState): boolean =>
  state.desired === "RUNNING" && state.phase === "admitted" && state.hostAction === undefined;

function followEssential(state: TaskState, now: number): TaskState {
  const essentialEnd = state.containers.some(
    (c) => c.status === "STOPPED" && definitionOf(state, c.name).essential,
  );
  if (!essentialEnd || (state.desired === "STOPPED" && state.executionStoppedAt !== undefined)) return state;
  return { ...state, desired: "STOPPED", executionStoppedAt: state.executionStoppedAt ?? now };
}

function nextOf(
  state: TaskState,
  name: string,
  now: number,
  settings: StepSettings,
): readonly [TaskContainer?, TaskEffect?] {
  const container = state.containers.find((c) => c.name === name);
  if (container === undefined || container.status === "STOPPED") return [];
  if (state.desired === "STOPPED") return halt(state, container, now, settings);
  if (container.action !== undefined || (container.retry !== undefined && container.retry.at > now))
    return [];
  return state.phase === "prepared" ? walk(state, container, now) : [];
}

function walk(
  state: TaskState,
  container: TaskContainer,
  now: number,
): readonly [TaskContainer?, TaskEffect?] {
  const { name } = container;
  switch (container.status) {
    case "NONE": {
      const verdict = mayBegin(state, name, now);
      if ("never" in verdict) {
        return [
          ended(container, {
            exitCode: DEPENDENCY_EXIT_CODE,
            reason: `CannotStartContainerError: A dependency failed: ${verdict.never}.`,
          }),
        ];
      }
      return verdict.met
        ? [
            { ...container, action: "pull" },
            { type: "pull", container: name },
          ]
        : [];
    }
    case "PULLED":
      return [
        { ...container, action: "create" },
        { type: "create", container: name },
      ];
    case "CREATED":
      return start(container);
    case "RUNNING":
      return container.restarting ? start(container) : [];
    case "STOPPED":
      return [];
  }
}

const start = (container: TaskContainer): readonly [TaskContainer, TaskEffect] => [
  { ...container, action: "start" },
  { type: "start", container: container.name, after: container.startedAt },
];

/** The task is to end: what never ran ends at once, what runs is stopped when nothing needs it any more. */
function halt(
  state: TaskState,
  container: TaskContainer,
  now: number,
  settings: StepSettings,
): readonly [TaskContainer?, TaskEffect?] {
  // A pull is of no use any more; a container being made or started must be known before it can be ended.
  if (container.action === "create" || container.action === "start" || container.action === "stop") return [];
  // A start that was not answered may have been carried out.
  const mayRun =
    container.status === "RUNNING" || (container.status === "CREATED" && container.retry !== undefined);
  if (!mayRun || container.restarting) return [ended(container, {})];
  if ((container.retry !== undefined && container.retry.at > now) || !mayEnd(state, container.name))
    return [];
  const timeoutSeconds = definitionOf(state, container.name).stopTimeout ?? settings.stopTimeoutSeconds;
  return [
    { ...container, action: "stop" },
    { type: "stop", container: container.name, timeoutSeconds },
  ];
}

function cleanupAt(state: TaskState, settings: StepSettings): number | undefined {
  if (state.stoppedAt === undefined || state.hostAction !== undefined) return undefined;
  const wait = state.reported.status === "STOPPED" ? settings.cleanupWaitMs : UNREPORTED_KEPT_MS;
  return Math.max(state.stoppedAt + wait, state.cleanupRetryAt ?? 0);
}
