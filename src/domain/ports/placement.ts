// The port through which alone tasks come into being: it plans with the scheduler and commits the tasks in one transaction,
// so that CPU, memory and ports are counted in one place. RunTask, StartTask and the service controller call it.
import type { TaskOverride } from "@aws-sdk/client-ecs";
import { ServiceError } from "#lib/errors.ts";
import type { StrategyItem } from "#domain/ecs/fargate.ts";
import type { AwsvpcConfiguration, PlacementConstraint, PlacementStrategy } from "#domain/ecs/service.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { Tags } from "#domain/tags.ts";

export interface PlacementRequest {
  readonly region: string;
  readonly account: string;
  readonly clusterName: string;
  readonly taskDefinitionArn: string;
  readonly count: number;
  readonly launchType: "EC2" | "EXTERNAL" | "FARGATE";
  /** With launch type FARGATE: which provider each task is for. */
  readonly capacityProviderStrategy?: readonly StrategyItem[];
  readonly group: string;
  readonly startedBy?: string;
  readonly overrides: TaskOverride;
  /** Of tasks in network mode awsvpc, and only of them. */
  readonly network?: AwsvpcConfiguration;
  readonly constraints: readonly PlacementConstraint[];
  readonly strategy: readonly PlacementStrategy[];
  readonly enableExecuteCommand: boolean;
  readonly tags: Tags;
  readonly clientToken?: string;
  /** Kept with the tasks of a client token, so that the token's use for another request is seen. */
  readonly requestFingerprint?: string;
  /** StartTask: these container instances (ARNs), one task on each; no scheduling. */
  readonly containerInstanceArns?: readonly string[];
  /**
   * Set for a service's tasks. `unless` is asked again inside the transaction: the deployment must still be the one that
   * wants them, so that a crash or a race never starts twice.
   */
  readonly service?: { readonly name: string; readonly deploymentId: string; readonly atMost: number };
}

/** As RunTask's `failures[]` tells it: `RESOURCE:CPU`, `RESOURCE:MEMORY`, `RESOURCE:PORTS`, `ATTRIBUTE`, `AGENT`, `MISSING`, `INACTIVE` … */
export interface PlacementFailure {
  readonly arn?: string;
  readonly reason: string;
  readonly detail?: string;
}

export interface PlacementResult {
  readonly tasks: readonly TaskRow[];
  readonly failures: readonly PlacementFailure[];
  /** For a service event: the closest matching instance and what it lacks; absent when all found a place. */
  readonly explanation?: string;
}

/** A role of the task is not there or does not trust ECS; what else is asked for was not looked at. */
export class CannotAssumeRole extends ServiceError {
  constructor(roleArn: string) {
    super(
      "ClientException",
      `ECS was unable to assume the role '${roleArn}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.`,
    );
  }
}

export interface Placement {
  /** @throws ServiceError for what no instance can help with: CannotAssumeRole among them */
  place(request: PlacementRequest): Promise<PlacementResult>;
}
