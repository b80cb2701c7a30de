// The managed policies of AWS that can be attached here, by ARN. Any other is unknown, and refused when it is attached.
import type { AwsPolicy } from "./aws-policy.ts";
import { ecsFullAccess } from "./ecs-full-access.ts";
import {
  autoscaleRole,
  containerInstanceRole,
  eventsRole,
  serviceRole,
  taskExecutionRole,
} from "./ecs-roles.ts";
import { administrator, instanceCore, registryReadOnly } from "./general.ts";

export const managedPolicies: ReadonlyMap<string, AwsPolicy> = new Map(
  [
    administrator,
    autoscaleRole,
    containerInstanceRole,
    ecsFullAccess,
    eventsRole,
    instanceCore,
    registryReadOnly,
    serviceRole,
    taskExecutionRole,
  ].map((policy) => [policy.arn, policy]),
);
