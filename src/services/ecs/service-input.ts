// Members that CreateService and UpdateService share, checked one by one.
import type { ServiceRevisionRow, ServiceRow } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { invalidParameter } from "./errors.ts";

/** ECS service quotas: tasks of one service. */
const MOST_TASKS = 5000;

export function readDesiredCount(given: number): number {
  if (!Number.isInteger(given) || given < 0)
    throw invalidParameter("desiredCount must be a whole number of at least 0.");
  if (given > MOST_TASKS) throw invalidParameter(`desiredCount must not be greater than ${MOST_TASKS}.`);
  return given;
}

export function readServiceName(given: string): string {
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(given))
    throw invalidParameter(
      "Invalid service name: up to 255 letters, numbers, underscores and hyphens are allowed.",
    );
  return given;
}

/** 0, the value without effect, is taken as absent. */
export function readGracePeriod(given: number, hasLoadBalancers: boolean): number {
  if (!Number.isInteger(given) || given < 0 || given > 2_147_483_647)
    throw invalidParameter("healthCheckGracePeriodSeconds must be between 0 and 2147483647.");
  if (given > 0 && !hasLoadBalancers)
    throw invalidParameter(
      "Health check grace period is only valid for services configured to use load balancers",
    );
  return given;
}

export function readPropagateTags(given: string): ServiceRow["propagateTags"] {
  if (given === "NONE" || given === "SERVICE" || given === "TASK_DEFINITION") return given;
  throw invalidParameter(`Invalid value '${given}' for propagateTags.`);
}

/** What a revision of the definition runs. */
export const imagesOf = ({ body }: TaskDefinitionRow): ServiceRevisionRow["containerImages"] =>
  body.containerDefinitions.map(({ name = "", image = "" }) => ({ containerName: name, image }));
