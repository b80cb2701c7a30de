// All tasks of this host: orders of the control plane come in, containers of the engine are matched with them, and what no task
// claims is removed. Each task's own life is its runner's.
import type { WireTask } from "#acs/messages.ts";
import { messageOf } from "#lib/errors.ts";
import type { Random } from "#lib/random.ts";
import type { Admission } from "./admission.ts";
import { dockerNameOf, LABELS } from "./container-spec.ts";
import type { CredentialStore } from "./credentials.ts";
import type { ContainerState } from "./engine/port.ts";
import { refusalOf, type Honoured, type Refusal } from "./task-check.ts";
import { createTaskRunner, type RunnerDependencies, type TaskRunner } from "./task/runner.ts";
import {
  hookTaskOf,
  isStopped,
  newTask,
  rejectedTask,
  settled,
  taskIdOf,
  type TaskState,
} from "./task/state.ts";

export interface TaskDependencies extends Omit<RunnerDependencies, "onChange" | "onRelease" | "onForgotten"> {
  readonly admission: Admission;
  readonly credentials: CredentialStore;
  /** What tasks may ask for beside containers. */
  readonly honours: Honoured;
  readonly random: Random;
  /** A task changed: there may be something to report. */
  readonly onChange: (runner: TaskRunner) => void;
}

export interface HostTasks {
  /** Goes on with stored tasks; asks the engine what became of them. @throws EngineError `unreachable` */
  restore(states: readonly TaskState[]): Promise<void>;
  /** Takes orders; true when every task was valid and is stored. A known task hears the desired status only. */
  accept(tasks: readonly WireTask[]): Promise<boolean>;
  stop(taskArn: string): void;
  get(taskArn: string): TaskRunner | undefined;
  all(): Iterable<TaskRunner>;
  /** The engine says something happened to this container. */
  containerChanged(id: string): Promise<void>;
  /** Looks at every container of ours: repairs what events missed, removes what no task claims. */
  sweep(): Promise<void>;
  close(): void;
}

const STOP_OF_UNKNOWN: Refusal = {
  reason: "TaskStateError: Agent could not progress task's state to stopped",
  isInvalid: false,
};

export function createHostTasks(dependencies: TaskDependencies): HostTasks {
  const { engine, admission, credentials, random, logger } = dependencies;
  const runners = new Map<string, TaskRunner>();
  /** Container id → its task and name; filled as tasks change. */
  const owners = new Map<string, readonly [TaskRunner, string]>();

  const own = (runner: TaskRunner) => {
    for (const { runtimeId, name } of runner.state.containers)
      if (runtimeId !== undefined && !owners.has(runtimeId)) owners.set(runtimeId, [runner, name]);
  };
  const begin = (state: TaskState): TaskRunner => {
    const runner = createTaskRunner(state, {
      ...dependencies,
      onChange(changed) {
        own(changed);
        dependencies.onChange(changed);
      },
      onRelease: ({ arn }) => admission.release(arn),
      onForgotten({ arn, state: { containers } }) {
        runners.delete(arn);
        credentials.forgetTask(arn);
        for (const { runtimeId } of containers) if (runtimeId !== undefined) owners.delete(runtimeId);
      },
    });
    runners.set(state.task.arn, runner);
    own(runner);
    return runner;
  };
  const hookTask = ({ state }: TaskRunner) => hookTaskOf(state);
  const isClaimed = (runner: TaskRunner, container: ContainerState) =>
    dependencies.hooks.some((hook) => hook.claims?.(hookTask(runner), container) === true);
  /** What a hook made for the task: without it the task ends. */
  const lookAtClaimed = (runner: TaskRunner, container: ContainerState) => {
    const { state } = runner;
    if (state.desired === "STOPPED" || container.status !== "exited") return;
    const reason = `ContainerNetworkingError: ${container.labels[LABELS.containerName]} has ended`;
    if (state.phase === "prepared") runner.dispatch({ type: "hostFailed", reason });
  };
  const queue = (runner: TaskRunner) =>
    admission.request(runner.state.task, (hostPorts) => runner.dispatch({ type: "admitted", hostPorts }));

  const take = (task: WireTask): { readonly runner: TaskRunner; readonly valid: boolean } => {
    const known = runners.get(task.arn);
    if (known !== undefined) {
      if (task.desiredStatus === "STOPPED") known.dispatch({ type: "stopOrdered" });
      return { runner: known, valid: true };
    }
    const refusal =
      task.desiredStatus === "STOPPED" ? STOP_OF_UNKNOWN : refusalOf(task, dependencies.honours);
    if (refusal !== undefined) {
      const runner = begin(rejectedTask(task, refusal.reason));
      runner.begin();
      return { runner, valid: !refusal.isInvalid };
    }
    for (const role of [task.roleCredentials, task.executionRoleCredentials])
      if (role !== undefined) credentials.put(task.arn, role);
    const names = task.containers.map((c) => ({
      dockerName: dockerNameOf(task, c.name, random.hex(20)),
      metadataId: `${taskIdOf(task.arn)}-${random.digits(10)}`,
    }));
    const runner = begin(newTask(task, names));
    runner.begin();
    queue(runner);
    return { runner, valid: true };
  };

  const resume = async (runner: TaskRunner) => {
    for (const hook of dependencies.hooks)
      await hook.restored?.(hookTask(runner)).catch((error: unknown) =>
        logger.warn("A hook could not go on with a task", {
          taskArn: runner.arn,
          hook: hook.name,
          reason: messageOf(error),
        }),
      );
  };

  const look = async (runner: TaskRunner, container: string, id: string) =>
    runner.dispatch({ type: "seen", container, seen: await engine.inspect(id) });

  return {
    async restore(states) {
      const ours = states.length === 0 ? [] : await engine.list(LABELS.taskArn);
      for (const state of states) {
        const runner = begin(settled(state));
        const seen: Record<string, ContainerState | undefined> = {};
        for (const { name, dockerName, runtimeId } of state.containers)
          seen[name] = ours.find((c) => c.id === runtimeId || c.name === dockerName);
        const admitted = state.phase !== "waiting" && state.stoppedAt === undefined;
        if (admitted) admission.restore(state.task, state.hostPorts);
        runner.dispatch({ type: "restored", seen });
        if (state.phase === "prepared" && !isStopped(runner.state)) void resume(runner);
        if (state.phase === "waiting" && !isStopped(runner.state)) queue(runner);
      }
    },

    async accept(tasks) {
      // What ends makes room for what begins.
      const ordered = [...tasks].sort((a, b) => order(a) - order(b));
      const taken = ordered.map(take);
      const stored = await Promise.allSettled(taken.map(({ runner }) => runner.stored()));
      return taken.every((t) => t.valid) && stored.every((s) => s.status === "fulfilled");
    },

    stop: (taskArn) => runners.get(taskArn)?.dispatch({ type: "stopOrdered" }),
    get: (taskArn) => runners.get(taskArn),
    all: () => runners.values(),

    async containerChanged(id) {
      const owner = owners.get(id);
      if (owner !== undefined) return look(owner[0], owner[1], id);
      const seen = await engine.inspect(id);
      const runner = runners.get(seen?.labels[LABELS.taskArn] ?? "");
      if (seen !== undefined && runner !== undefined && isClaimed(runner, seen)) lookAtClaimed(runner, seen);
    },

    async sweep() {
      const present = new Map((await engine.list(LABELS.agent)).map((c) => [c.id, c]));
      for (const [id, [runner, name]] of [...owners]) {
        // One that is not listed may have been created since.
        const seen = present.get(id) ?? (await engine.inspect(id));
        const known = runner.state.containers.find((c) => c.name === name);
        if (known?.status === "STOPPED" && seen?.status === "running") {
          logger.warn("A container runs that has ended for its task: stopped", { taskArn: runner.arn, id });
          await engine.stop(id, dependencies.settings.stopTimeoutSeconds);
        } else runner.dispatch({ type: "seen", container: name, seen });
      }
      for (const container of present.values()) {
        const runner = runners.get(container.labels[LABELS.taskArn] ?? "");
        if (runner?.state.containers.some((c) => c.dockerName === container.name)) continue;
        if (runner !== undefined && !isStopped(runner.state) && isClaimed(runner, container)) {
          lookAtClaimed(runner, container);
          continue;
        }
        logger.warn("A container that no task claims is removed", {
          id: container.id,
          name: container.name,
          labels: container.labels,
        });
        await engine
          .remove(container.id)
          .catch((error: unknown) =>
            logger.warn("It could not be removed", { id: container.id, reason: messageOf(error) }),
          );
      }
    },

    close() {
      for (const runner of runners.values()) runner.close();
    },
  };
}

const order = (task: WireTask): number => (task.desiredStatus === "STOPPED" ? 0 : 1);
