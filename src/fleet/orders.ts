// Which order, if any, a stored task means for its agent. Pure.
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";

export type Order = "attach" | "run" | "stop";

/**
 * A task whose interface is on its way is only announced (`attach`); it is to be started until its agent says RUNNING, and to be
 * stopped only once its targets have drained (STOPPING).
 */
export function orderFor(task: Pick<TaskRow, "lastStatus" | "desiredStatus">): Order | undefined {
  if (task.lastStatus === "PROVISIONING") return "attach";
  if (task.desiredStatus === "RUNNING") return hasReached(task, "ACTIVATING") ? undefined : "run";
  return task.lastStatus === "STOPPING" ? "stop" : undefined;
}

/** What the manifest says of the task: the agent stops what it runs and the manifest does not list as RUNNING. */
export function manifestStatus(task: Pick<TaskRow, "lastStatus" | "desiredStatus">): "RUNNING" | "STOPPED" {
  return hasReached(task, "STOPPING") ? "STOPPED" : "RUNNING";
}
