// What one effect means at the engine: pull, create, start, stop of a container, and how its failures are told. Each may be
// asked twice and takes effect once.
import { withDeadline } from "../deadline.ts";
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { containerSpec, LABELS, type SpecSettings } from "../container-spec.ts";
import { EngineError, type ContainerState, type Engine } from "../engine/port.ts";
import { TaskFailure, type TaskHook } from "../hooks/hook.ts";
import type { Images } from "../hooks/image.ts";
import type { StepSettings, TaskEffect, TaskEvent } from "./events.ts";
import { definitionOf, hookTaskOf, type ContainerAction, type TaskState } from "./state.ts";

export interface ActionDependencies {
  readonly engine: Engine;
  readonly images: Images;
  readonly hooks: readonly TaskHook[];
  readonly spec: SpecSettings;
  readonly settings: StepSettings;
  readonly clock: Clock;
}

export type ContainerEffect = Extract<TaskEffect, { readonly container: string }>;

const REASON_NAMES: Readonly<Record<ContainerAction, string>> = {
  pull: "CannotPullContainerError",
  create: "CannotCreateContainerError",
  start: "CannotStartContainerError",
  stop: "CannotStopContainerError",
};

/** Carries the effect out; answers the event that tells how it went. Never rejects. */
export async function carryOut(
  state: TaskState,
  effect: ContainerEffect,
  dependencies: ActionDependencies,
): Promise<TaskEvent> {
  const { container } = effect;
  try {
    switch (effect.type) {
      case "pull": {
        const { image, dockerConfig } = definitionOf(state, container);
        await dependencies.images.obtain(image, labelsIn(dockerConfig?.config));
        return { type: "pulled", container };
      }
      case "create":
        return { type: "created", container, id: await create(state, container, dependencies) };
      case "start":
        return {
          type: "started",
          container,
          seen: await start(state, container, effect.after, dependencies),
        };
      case "stop": {
        const id = runtimeIdOf(state, container);
        await dependencies.engine.stop(id, effect.timeoutSeconds);
        return { type: "stopped", container, seen: await dependencies.engine.inspect(id) };
      }
    }
  } catch (error) {
    const task = hookTaskOf(state);
    const redact = (text: string) => dependencies.hooks.reduce((t, h) => h.redact?.(task, t) ?? t, text);
    return failure(container, effect.type, error, redact);
  }
}

async function create(state: TaskState, name: string, d: ActionDependencies): Promise<string> {
  const container = definitionOf(state, name);
  const task = hookTaskOf(state);
  let spec = containerSpec(state, name, d.spec);
  for (const hook of d.hooks) spec = (await hook.creating?.(task, container, spec)) ?? spec;
  const creating = d.engine.create(spec).catch(async (error: unknown) => {
    // An earlier attempt, unanswered, was carried out.
    const existing =
      error instanceof EngineError && error.kind === "conflict"
        ? await findOwn(state, spec.name, d)
        : undefined;
    if (existing === undefined) throw error;
    return existing.id;
  });
  return withDeadline(d.clock, d.settings.createTimeoutMs, creating, "created");
}

async function findOwn(
  state: TaskState,
  dockerName: string,
  { engine }: ActionDependencies,
): Promise<ContainerState | undefined> {
  const own = await engine.list(LABELS.taskArn, state.task.arn);
  return own.find((c) => c.name === dockerName);
}

async function start(
  state: TaskState,
  name: string,
  after: number | undefined,
  d: ActionDependencies,
): Promise<ContainerState | undefined> {
  const id = runtimeIdOf(state, name);
  if (state.containers.find((c) => c.name === name)?.retry !== undefined) {
    const seen = await d.engine.inspect(id);
    const hasStarted = seen?.startedAt !== undefined && seen.startedAt !== after;
    if (hasStarted && seen.status !== "created") return seen;
  }
  const starting = d.engine.start(id);
  await withDeadline(d.clock, d.settings.startTimeoutMs, starting, "running").catch(
    async (error: unknown) => {
      // It may start yet, and nobody would know of it.
      if (error instanceof TaskFailure) await d.engine.stop(id, 0).catch(() => {});
      throw error;
    },
  );
  const task = hookTaskOf(state);
  for (const hook of d.hooks) await hook.started?.(task, definitionOf(state, name), id);
  return d.engine.inspect(id);
}

function failure(
  container: string,
  action: ContainerAction,
  error: unknown,
  redact: (text: string) => string,
): TaskEvent {
  const temporary = error instanceof EngineError && error.kind === "unreachable";
  const reason = error instanceof TaskFailure ? error.reason : `${REASON_NAMES[action]}: ${messageOf(error)}`;
  return { type: "failed", container, action, temporary, reason: redact(reason) };
}

function runtimeIdOf(state: TaskState, name: string): string {
  const id = state.containers.find((c) => c.name === name)?.runtimeId;
  if (id === undefined) throw new EngineError("not-found", `The container ${name} was not created.`);
  return id;
}

function labelsIn(config: string | undefined): Readonly<Record<string, string>> {
  if (config === undefined) return {};
  try {
    return (
      (JSON.parse(config) as { readonly Labels?: Readonly<Record<string, string>> } | null)?.Labels ?? {}
    );
  } catch {
    // Told when the container is created.
    return {};
  }
}
