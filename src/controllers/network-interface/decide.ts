// What a task's network interface needs next. Pure.
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { NetworkInterfaceRow } from "#domain/ec2/network-interface.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";

/**
 * - `attach`: it is to be made on its host;
 * - `confirm`: it is there, the rows do not say so yet;
 * - `fail`: its agent did not confirm it in time;
 * - `detach`: its task has ended, or was forgotten: nothing of it shall be on the host;
 * - `delete`: nothing of it is on the host: the row goes, the address is free;
 * - `wait`: something else must happen first, or nothing is left to do.
 */
export type InterfaceStep = "attach" | "confirm" | "fail" | "detach" | "delete" | "wait";

export function decideInterface(
  row: Pick<NetworkInterfaceRow, "status">,
  task: Pick<TaskRow, "lastStatus" | "attachment"> | undefined,
  host: Pick<InstanceRow, "state"> | undefined,
  /** This life of the control plane has made it, or seen that it was there. */
  inHand: boolean,
  now: number,
): InterfaceStep {
  if (row.status === "detached") return "delete";
  if (task === undefined || hasReached(task, "DEPROVISIONING")) return "detach";
  if (task.lastStatus === "PROVISIONING" && now >= (task.attachment?.attachBy ?? now)) return "fail";
  // Confirmed by its agent, which may have moved it already: it must not be made a second time.
  if (task.attachment?.status === "ATTACHED") return row.status === "attaching" ? "confirm" : "wait";
  if (row.status === "in-use" && inHand) return "wait";
  return host?.state === "running" ? "attach" : "wait";
}
