// How many tasks a service and each of its deployments has, counted from the tasks' rows.
import { serviceKey, type ServiceRow } from "#domain/ecs/service.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";
import type { Reader } from "#store/store.ts";
import { tasks } from "#store/tables/ecs.ts";

export interface TaskCounts {
  readonly runningCount: number;
  /** PROVISIONING, PENDING or ACTIVATING. */
  readonly pendingCount: number;
  /** Those that are to go on running. */
  readonly wantedCount: number;
}

export const activeTasksOf = (rows: Reader, service: ServiceRow): readonly TaskRow[] =>
  rows
    .find(tasks, "activeOfService", serviceKey(service.region, service.clusterName, service.name))
    .map(([, row]) => row);

/** Of the deployment with that `ecs-svc/…` id; without one, of all. */
export function countTasks(active: readonly TaskRow[], deploymentId?: string): TaskCounts {
  const own = deploymentId === undefined ? active : active.filter((t) => t.deploymentId === deploymentId);
  return {
    runningCount: own.filter((t) => t.lastStatus === "RUNNING").length,
    pendingCount: own.filter((t) => !hasReached(t, "RUNNING")).length,
    wantedCount: own.filter((t) => t.desiredStatus === "RUNNING").length,
  };
}
