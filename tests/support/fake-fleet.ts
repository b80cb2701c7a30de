// The agents and the load balancer of a simulated cluster: what they would report is applied as the real ones' reports are, by
// transitions in transactions. Steered by a seed; every delay runs on the given clock.
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";
import { reportTask, type TaskReport } from "#domain/ecs/task-transitions.ts";
import { reportTargetHealth, targetIdle } from "#domain/elbv2/target.ts";
import { isChangeOf, type Store, type Watch } from "#store/store.ts";
import { tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";

export interface FakeFleetParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  /** What becomes of a task that is started; `run` unless given. */
  readonly fate?: (task: TaskRow) => "run" | "fail-to-start" | "never-healthy" | "never-attached";
  /** Whether the task's host is in reach; its agent hears nothing and says nothing otherwise. Always unless given. */
  readonly isReachable?: (task: TaskRow) => boolean;
  readonly startMs?: number;
  readonly healthyMs?: number;
  readonly drainMs?: number;
  readonly stopMs?: number;
}

export interface FakeFleet {
  start(): void;
  /** Hosts that are back in reach hear what they missed. */
  hear(): void;
  close(): void;
  /** The task's essential container exits. */
  exit(taskKey: string): Promise<void>;
}

export function createFakeFleet(parts: FakeFleetParts): FakeFleet {
  const { store, clock, node, random } = parts;
  const { startMs = 1000, healthyMs = 3000, drainMs = 2000, stopMs = 1000 } = parts;
  const fate = parts.fate ?? (() => "run");
  /** Orders under way, so that a row's every change does not repeat them. */
  const begun = new Set<string>();
  let watch: Watch | undefined;
  let closed = false;

  const later = (id: string, milliseconds: number, act: () => Promise<unknown>) => {
    if (begun.has(id)) return;
    begun.add(id);
    clock.after(milliseconds, () => {
      // A control plane that has died takes no report; the next one hears it again.
      if (!closed) act().catch(() => {});
    });
  };
  const report = (key: string, what: (task: TaskRow) => TaskReport) =>
    store.transact((tx) => {
      const task = tx.get(tasks, key);
      if (task !== undefined) tx.put(tasks, key, reportTask(task, what(task), clock.now()));
    });
  const runningReport = (task: TaskRow): TaskReport => ({
    status: "RUNNING",
    containers: task.containers.map((c, i) => ({
      name: c.name,
      status: "RUNNING",
      runtimeId: `${task.id}-${i}`,
      networkBindings:
        task.attachment !== undefined
          ? []
          : [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768 + random.below(1000), protocol: "tcp" }],
    })),
  });
  const stoppedReport =
    (exitCode?: number) =>
    (task: TaskRow): TaskReport => ({
      status: "STOPPED",
      ...(exitCode === undefined ? { reason: "CannotPullContainerError: simulated" } : {}),
      containers: task.containers.map((c) => ({
        name: c.name,
        status: "STOPPED",
        ...(exitCode === undefined ? {} : { exitCode }),
      })),
    });

  const onTask = (key: string, task: TaskRow) => {
    if (parts.isReachable?.(task) === false) return;
    if (task.lastStatus === "PROVISIONING") {
      const { attachment } = task;
      if (attachment?.status === "ATTACHING" && fate(task) !== "never-attached")
        later(`attach ${key}`, startMs, () =>
          report(key, () => ({ containers: [], attached: [attachment.id] })),
        );
      return;
    }
    if (task.desiredStatus === "RUNNING" && !hasReached(task, "ACTIVATING"))
      later(`run ${key}`, startMs, () =>
        report(key, (now) => {
          if (now.desiredStatus === "STOPPED") return { containers: [] };
          return fate(now) === "fail-to-start" ? stoppedReport()(now) : runningReport(now);
        }),
      );
    if (task.lastStatus === "STOPPING") later(`stop ${key}`, stopMs, () => report(key, stoppedReport(0)));
  };
  const onChange = () => {
    for (const change of watch?.take() ?? []) {
      const { key } = change;
      if (isChangeOf(change, tasks) && change.row !== undefined) onTask(key, change.row);
      if (!isChangeOf(change, targets) || change.row === undefined) continue;
      if (change.row.lifecycle === "registered" && change.row.health[node] === undefined)
        later(`health ${key}`, healthyMs, () =>
          store.transact((tx) => {
            const target = tx.get(targets, key);
            const owner = [...tx.scan(tasks)].find(([, t]) =>
              t.loadBalancers.some((lb) => lb.targetKey === key),
            );
            const isBad = owner !== undefined && fate(owner[1]) === "never-healthy";
            const health = isBad
              ? {
                  state: "unhealthy" as const,
                  reason: "Target.ResponseCodeMismatch",
                  description: "Health checks failed with these codes: [500]",
                }
              : { state: "healthy" as const };
            if (target !== undefined) tx.put(targets, key, reportTargetHealth(target, node, health));
          }),
        );
      if (change.row.lifecycle === "draining")
        later(`idle ${key}`, drainMs, () =>
          store.transact((tx) => {
            const target = tx.get(targets, key);
            if (target !== undefined) tx.put(targets, key, targetIdle(target, node));
          }),
        );
    }
  };
  return {
    start() {
      watch = store.snapshotAndWatch([tasks, targets], { notify: onChange });
    },
    hear() {
      for (const [key, task] of store.scan(tasks)) onTask(key, task);
    },
    close() {
      closed = true;
      watch?.close();
    },
    async exit(taskKey) {
      await report(taskKey, (task) => ({
        status: "RUNNING",
        containers: task.containers.map((c) => ({ name: c.name, status: "STOPPED", exitCode: 1 })),
      }));
    },
  };
}
