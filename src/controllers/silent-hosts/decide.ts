// Whether a host has been silent for so long that its services' tasks are given up. AWS never does this; who runs his own machines
// may want it (docs/operations.md). Pure.
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { StopCause } from "#domain/ecs/task-transitions.ts";

export interface SilentHostSettings {
  readonly replaceAfterMs: number;
  /** When this life of the control plane began: before, no host could have been heard. Epoch milliseconds. */
  readonly since: number;
}

export interface SilentHostDecision {
  /** They are to stop, which the host hears when it is back; their services replace them now. */
  readonly stop: readonly TaskRow[];
  /** When to look again though nothing changes, epoch milliseconds. */
  readonly wakeAt?: number;
}

const NOTHING: SilentHostDecision = { stop: [] };

/** @param tasks those on it that are not STOPPED. Only services' tasks are replaced, so only they are given up. */
export function decideSilentHost(
  host: Pick<ContainerInstanceRow, "status" | "agentConnected" | "agentConnectedAt" | "registeredAt">,
  tasks: readonly TaskRow[],
  { replaceAfterMs, since }: SilentHostSettings,
  now: number,
): SilentHostDecision {
  if (host.agentConnected || host.status === "INACTIVE") return NOTHING;
  const due = Math.max(host.agentConnectedAt ?? host.registeredAt, since) + replaceAfterMs;
  if (now < due) return { stop: [], wakeAt: due };
  return { stop: tasks.filter((t) => t.serviceName !== undefined && t.desiredStatus === "RUNNING") };
}

export const gaveUp = ({ ec2InstanceId, id }: ContainerInstanceRow): StopCause => ({
  code: "ServiceSchedulerInitiated",
  reason: `The host ${ec2InstanceId ?? id} has been silent for longer than --replace-tasks-after allows.`,
});
