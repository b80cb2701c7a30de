// Whether a service's task is healthy: in every target group it is registered in, and by its container health check; with
// neither, once it has been RUNNING for a while. Pure.
import type { TaskRow } from "#domain/ecs/task.ts";
import type { StopCause } from "#domain/ecs/task-transitions.ts";
import type { TargetHealth } from "#domain/elbv2/target.ts";

export interface ServiceTask {
  readonly row: TaskRow;
  /** Of its container instance; ACTIVE when it has none. */
  readonly instanceStatus: "ACTIVE" | "DRAINING" | "INACTIVE";
  readonly ec2InstanceId?: string;
  /** The targets registered for it, as all load-balancer nodes see them. */
  readonly targets: readonly {
    readonly targetGroupArn: string;
    readonly port: number;
    readonly health: TargetHealth;
  }[];
}

export type Health =
  | { readonly state: "healthy" }
  /** `until`: when it will be healthy by time alone, or when a failing check begins to count. */
  | { readonly state: "starting"; readonly until?: number }
  | { readonly state: "unhealthy"; readonly cause: StopCause; readonly event?: string };

export interface HealthRules {
  readonly now: number;
  /** A task without any check counts as healthy so long after it was RUNNING. */
  readonly steadyAfterMs: number;
  /** healthCheckGracePeriodSeconds of the service: failing checks do not count so long after RUNNING. */
  readonly gracePeriodSeconds: number;
}

export function healthOf({ row, targets, ec2InstanceId }: ServiceTask, rules: HealthRules): Health {
  if (row.lastStatus !== "RUNNING" || row.startedAt === undefined) return { state: "starting" };
  const hasCheck = row.containers.some((c) => c.essential && c.hasHealthCheck);
  if (row.loadBalancers.length === 0 && !hasCheck) {
    const until = row.startedAt + rules.steadyAfterMs;
    return rules.now >= until ? { state: "healthy" } : { state: "starting", until };
  }
  const failing = targets.find((t) => t.health.state === "unhealthy");
  if (failing !== undefined || row.healthStatus === "UNHEALTHY") {
    const until = row.startedAt + rules.gracePeriodSeconds * 1000;
    if (rules.now < until) return { state: "starting", until };
    return failing === undefined
      ? {
          state: "unhealthy",
          cause: scheduler("Task failed container health checks"),
          event: `(task ${row.id}) failed container health checks.`,
        }
      : unhealthyTarget(failing, row, ec2InstanceId);
  }
  const isHealthy =
    targets.length === row.loadBalancers.length &&
    targets.every((t) => t.health.state === "healthy") &&
    (!hasCheck || row.healthStatus === "HEALTHY");
  return { state: isHealthy ? "healthy" : "starting" };
}

function unhealthyTarget(
  { targetGroupArn, port, health }: ServiceTask["targets"][number],
  row: TaskRow,
  ec2InstanceId: string | undefined,
): Health {
  const instance = ec2InstanceId === undefined ? "" : ` (instance ${ec2InstanceId})`;
  const reason = health.description ?? health.reason ?? "Health checks failed";
  return {
    state: "unhealthy",
    cause: scheduler(`Task failed ELB health checks in (target-group ${targetGroupArn})`),
    event: `(task ${row.id})${instance} (port ${port}) is unhealthy in (target-group ${targetGroupArn}) due to (reason ${reason}).`,
  };
}

export const scheduler = (reason: string): StopCause => ({ code: "ServiceSchedulerInitiated", reason });

/** The end of a task that never became of use, for which starts back off: when it ended. */
export function failedStartAt(row: TaskRow, steadyAfterMs: number): number | undefined {
  const ended = row.stoppingAt;
  if (row.desiredStatus !== "STOPPED" || ended === undefined) return undefined;
  switch (row.stopCode) {
    case "TaskFailedToStart":
      return ended;
    case "EssentialContainerExited":
      return row.startedAt === undefined || ended - row.startedAt < steadyAfterMs ? ended : undefined;
    case "ServiceSchedulerInitiated":
      return row.stoppedReason?.startsWith("Task failed") === true ? ended : undefined;
    default:
      return undefined;
  }
}
