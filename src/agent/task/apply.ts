// An event → the task's new state. What follows from it, advance.ts decides. Pure.
import type { ContainerState } from "../engine/port.ts";
import type { StepSettings, TaskEvent } from "./events.ts";
import { definitionOf, rank, type TaskContainer, type TaskState } from "./state.ts";

/** An exit that ended neither the container nor the task shows this code: SIGTERM's (agent protocol, "Dependencies"). */
export const DEPENDENCY_EXIT_CODE = 143;
const RETRY_INITIAL_MS = 1_000;
const RETRY_MAXIMUM_MS = 30_000;

export function apply(state: TaskState, event: TaskEvent, now: number, settings: StepSettings): TaskState {
  switch (event.type) {
    case "admitted":
      return state.phase === "waiting" ? { ...state, phase: "admitted", hostPorts: event.hostPorts } : state;
    case "prepared": {
      const { hostAction: _, ...rest } = state;
      return { ...rest, phase: "prepared" };
    }
    case "hostFailed": {
      const { hostAction: _, ...rest } = state;
      return { ...rest, desired: "STOPPED", reason: state.reason ?? event.reason };
    }
    case "stopOrdered":
      return state.desired === "STOPPED" ? state : { ...state, desired: "STOPPED" };
    case "pulled":
      return {
        ...change(state, event.container, (c) =>
          c.status === "NONE" ? { ...idle(c), status: "PULLED" } : idle(c),
        ),
        pullStoppedAt: now,
      };
    case "created":
      return change(state, event.container, (c) => ({
        ...idle(c),
        runtimeId: event.id,
        status: rank(c.status) < rank("CREATED") ? "CREATED" : c.status,
      }));
    case "started":
      return change(state, event.container, (c) => look(state, idle(c), event.seen, now));
    case "stopped":
      return change(state, event.container, (c) => afterStop(state, c, event.seen, now));
    case "seen":
      // While the engine is at work on it, what is seen may be older than what the engine is about to answer.
      return change(state, event.container, (c) =>
        c.action === undefined || c.action === "stop" ? look(state, c, event.seen, now) : c,
      );
    case "restored":
      return state.containers.reduce<TaskState>(
        (next, { name }) => change(next, name, (c) => restore(next, c, event.seen[name], now)),
        state,
      );
    case "failed":
      return {
        ...change(state, event.container, (c) => fail(c, event, now, settings)),
        ...(event.action === "pull" ? { pullStoppedAt: now } : {}),
      };
    case "reported":
      return { ...state, reported: event.reported };
    case "cleanupFailed": {
      const { hostAction: _, ...rest } = state;
      return { ...rest, cleanupRetryAt: now + RETRY_MAXIMUM_MS };
    }
    case "woke":
      return state;
  }
}

export function change(
  state: TaskState,
  name: string,
  to: (container: TaskContainer) => TaskContainer,
): TaskState {
  const containers = state.containers.map((c) => (c.name === name ? to(c) : c));
  // An event that changed nothing must not look like a change: it would be written to disk.
  return containers.every((c, i) => c === state.containers[i]) ? state : { ...state, containers };
}

export function idle(container: TaskContainer): TaskContainer {
  if (container.action === undefined && container.retry === undefined) return container;
  const { action: _, retry: __, ...rest } = container;
  return rest;
}

export function ended(
  container: TaskContainer,
  more: Pick<TaskContainer, "exitCode" | "reason">,
): TaskContainer {
  const { restarting: _, ...rest } = idle(container);
  return {
    ...rest,
    status: "STOPPED",
    ...(more.exitCode === undefined ? {} : { exitCode: more.exitCode }),
    ...(rest.reason === undefined && more.reason !== undefined ? { reason: more.reason } : {}),
  };
}

/** What the engine shows → what the container is now. */
function look(
  state: TaskState,
  container: TaskContainer,
  seen: ContainerState | undefined,
  now: number,
): TaskContainer {
  if (container.status === "STOPPED" || container.runtimeId === undefined) return container;
  if (seen === undefined)
    return ended(container, { reason: "ContainerVanishedError: The container is no longer in the engine." });
  if (seen.status === "running") return running(container, seen, now);
  if (seen.status === "created") return container;
  // The end of an earlier run, seen again while the container is being restarted.
  if (container.finishedAt !== undefined && (seen.finishedAt ?? 0) <= container.finishedAt) return container;
  return exited(state, running(container, seen, now), seen, now);
}

function running(container: TaskContainer, seen: ContainerState, now: number): TaskContainer {
  const isNewRun = seen.startedAt !== undefined && seen.startedAt !== container.startedAt;
  if (container.restarting && !isNewRun) return container;
  const health = healthOf(seen);
  const unchanged =
    container.status === "RUNNING" &&
    !isNewRun &&
    samePorts(container.ports, seen) &&
    container.health?.status === health;
  if (unchanged) return container;
  const { restarting: _, health: before, ...rest } = container;
  return {
    ...rest,
    status: "RUNNING",
    imageId: seen.imageId,
    startedAt: seen.startedAt ?? container.startedAt ?? now,
    ports: seen.ports,
    ...(health === undefined
      ? {}
      : { health: before?.status === health ? before : { status: health, since: now } }),
  };
}

function exited(
  state: TaskState,
  container: TaskContainer,
  seen: ContainerState,
  now: number,
): TaskContainer {
  const finishedAt = seen.finishedAt ?? now;
  const exitCode = seen.exitCode ?? 0;
  const last = { ...container, finishedAt, exitCode };
  if (restarts(state, last, exitCode, finishedAt)) {
    const { health: _, ...rest } = last;
    return { ...rest, restarting: true, restartCount: container.restartCount + 1 };
  }
  return ended(last, {
    exitCode,
    ...(seen.oomKilled ? { reason: "OutOfMemoryError: Container killed due to memory usage" } : {}),
  });
}

function restarts(state: TaskState, container: TaskContainer, exitCode: number, finishedAt: number): boolean {
  const policy = definitionOf(state, container.name).restartPolicy;
  if (policy?.enabled !== true || state.desired === "STOPPED" || container.action === "stop") return false;
  if (policy.ignoredExitCodes.includes(exitCode)) return false;
  return finishedAt - (container.startedAt ?? finishedAt) >= policy.restartAttemptPeriod * 1000;
}

/** Stopped, or never started after all. When it runs still, it is asked again. */
function afterStop(
  state: TaskState,
  container: TaskContainer,
  seen: ContainerState | undefined,
  now: number,
): TaskContainer {
  const next = look(state, container, seen, now);
  if (next.status === "STOPPED") return next;
  if (seen?.status !== "running") return ended(next, {});
  const attempt = (container.retry?.attempt ?? 0) + 1;
  return { ...idle(next), retry: { at: now + RETRY_INITIAL_MS, attempt, since: now } };
}

function restore(
  state: TaskState,
  container: TaskContainer,
  seen: ContainerState | undefined,
  now: number,
): TaskContainer {
  const known = idle(container);
  if (known.status === "STOPPED") return known;
  // Created, and the agent died before it was told.
  if (known.runtimeId === undefined) {
    if (seen === undefined) return known;
    return look(state, { ...known, runtimeId: seen.id, status: "CREATED" }, seen, now);
  }
  return look(state, known, seen, now);
}

function fail(
  container: TaskContainer,
  event: TaskEvent & { readonly type: "failed" },
  now: number,
  settings: StepSettings,
): TaskContainer {
  if (container.action !== event.action) return container;
  const { retry } = container;
  const since = retry?.since ?? now;
  const attempt = retry?.attempt ?? 0;
  const again = (): TaskContainer => ({
    ...idle(container),
    retry: {
      at: now + Math.min(RETRY_MAXIMUM_MS, RETRY_INITIAL_MS * 2 ** attempt),
      attempt: attempt + 1,
      since,
    },
  });
  // A container that runs is never called ended because the engine could not stop it.
  if (event.action === "stop") return again();
  if (!event.temporary) return ended(container, { reason: event.reason });
  const [patience, state] = {
    pull: [settings.pullTimeoutMs, "pulled"],
    create: [settings.createTimeoutMs, "created"],
    start: [settings.startTimeoutMs, "running"],
  }[event.action] as [number, string];
  if (now - since < patience) return again();
  return ended(container, {
    reason: `DockerTimeoutError: Could not transition to ${state}; timed out after waiting ${Math.round(patience / 1000)}s: ${event.reason}`,
  });
}

function healthOf(seen: ContainerState): "HEALTHY" | "UNHEALTHY" | "UNKNOWN" | undefined {
  if (seen.health === undefined) return undefined;
  return seen.health === "healthy" ? "HEALTHY" : seen.health === "unhealthy" ? "UNHEALTHY" : "UNKNOWN";
}

function samePorts(ports: TaskContainer["ports"], seen: ContainerState): boolean {
  return ports.length === seen.ports.length && JSON.stringify(ports) === JSON.stringify(seen.ports);
}
