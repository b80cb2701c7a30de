// What may happen to a host of Fargate's pool beyond any instance's life: it has a task, or has none and goes after a while.
import { type InstanceRow, terminateInstance } from "./instance.ts";

/** A task was given to it. */
export function takeHost(row: InstanceRow): InstanceRow {
  if (row.fargate?.idleSince === undefined) return row;
  const { idleSince: _, ...fargate } = row.fargate;
  return { ...row, fargate };
}

/** Its task has ended. */
export function leaveHost(row: InstanceRow, now: number): InstanceRow {
  if (row.fargate === undefined || row.fargate.idleSince !== undefined) return row;
  return { ...row, fargate: { ...row.fargate, idleSince: now } };
}

/** Nobody needs it any more. */
export const endPoolHost = (row: InstanceRow, now: number): InstanceRow =>
  terminateInstance(
    row,
    { code: "Server.FargateIdle", message: "Server.FargateIdle: No task needs it" },
    now,
  );
