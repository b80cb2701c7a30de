// What a host of Fargate's pool needs next. Pure.
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";

/**
 * - `rest`: it has no task any more, from now on;
 * - `end`: nobody needs it, or nobody can use it;
 * - `fail`: it is going or gone, its task cannot run;
 * - `forget`: nothing of it is left, nor of its tasks;
 * - `wait`: until `at`, or until something else happens.
 */
export type PoolStep =
  | { readonly step: "rest" | "end" | "forget" }
  | { readonly step: "fail"; readonly tasks: readonly TaskRow[]; readonly reason: string }
  | { readonly step: "wait"; readonly at?: number };

/** @param tasks on the host and not STOPPED @param keepMs how long a host without a task waits for another one */
export function decidePoolHost(
  row: InstanceRow,
  instance: Pick<ContainerInstanceRow, "status" | "agentConnected"> | undefined,
  tasks: readonly TaskRow[],
  keepMs: number,
  now: number,
): PoolStep {
  const isGoing = row.state === "shutting-down" || row.state === "terminated";
  if (isGoing) {
    const alive = tasks.filter((t) => !hasReached(t, "DEPROVISIONING"));
    if (alive.length > 0) return { step: "fail", tasks: alive, reason: reasonOf(row) };
    return row.state === "terminated" && tasks.length === 0 ? { step: "forget" } : { step: "wait" };
  }
  if (tasks.length > 0) return { step: "wait" };
  const since = row.fargate?.idleSince;
  if (since === undefined) return { step: "rest" };
  // One that is up and whose agent is away would never be given a task.
  const isLost = row.state === "running" && instance !== undefined && !instance.agentConnected;
  if (isLost || now >= since + keepMs) return { step: "end" };
  return { step: "wait", at: since + keepMs };
}

function reasonOf({ stateReason }: InstanceRow): string {
  const what = stateReason?.message.replace(/^Server\.[A-Za-z]+: /, "");
  return what === undefined ? "The task's host ended." : `The task's host could not be provided: ${what}`;
}
