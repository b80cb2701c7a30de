// What RunTask and StartTask have in common: the checks of their input, and the request to Placement that it means.
import type { RunTaskRequest, StartTaskRequest } from "@aws-sdk/client-ecs";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { PlacementRequest } from "#domain/ports/placement.ts";
import type { Tags } from "#domain/tags.ts";
import type { Reader } from "#store/store.ts";
import { invalidParameter } from "./errors.ts";
import type { Scope } from "./lookup.ts";
import { readNetworking } from "./networking.ts";
import { checkTagCount, readTags } from "./tags.ts";
import { readOverrides } from "./task-overrides.ts";

type Common = RunTaskRequest & Omit<StartTaskRequest, "containerInstances">;
type CommonRequest = Omit<PlacementRequest, "launchType" | "count" | "constraints" | "strategy">;

/** @throws InvalidParameterException, ClientException */
export function readTaskRequest(
  rows: Reader,
  { region, account }: Scope,
  input: Pick<
    Common,
    | "overrides"
    | "networkConfiguration"
    | "group"
    | "startedBy"
    | "tags"
    | "propagateTags"
    | "enableECSManagedTags"
  >,
  cluster: ClusterRow,
  definition: TaskDefinitionRow,
  launchType: "EC2" | "EXTERNAL" | "FARGATE",
): CommonRequest {
  const network = readNetworking(rows, region, definition, input.networkConfiguration, launchType);
  return {
    region,
    account,
    clusterName: cluster.name,
    taskDefinitionArn: definition.arn,
    group: readGroup(input.group, definition),
    ...(input.startedBy === undefined ? {} : { startedBy: readStartedBy(input.startedBy) }),
    overrides: readOverrides(rows, account, input.overrides, definition),
    ...(network === undefined ? {} : { network }),
    enableExecuteCommand: false,
    tags: {
      ...checkTagCount({
        ...propagatedTags(input.propagateTags, definition),
        ...readTags(input.tags),
      }),
      ...(input.enableECSManagedTags === true ? { "aws:ecs:clusterName": cluster.name } : {}),
    },
  };
}

function readGroup(given: string | undefined, definition: TaskDefinitionRow): string {
  if (given === undefined || given === "") return `family:${definition.family}`;
  if (given.startsWith("service:")) throw invalidParameter("Invalid namespace for group.");
  if (given.length > 255) throw invalidParameter("Group can have at most 255 characters.");
  return given;
}

function readStartedBy(given: string): string {
  if (!/^[A-Za-z0-9_/-]{1,128}$/.test(given))
    throw invalidParameter(
      "Invalid startedBy: up to 128 letters, numbers, hyphens, forward slashes and underscores are allowed.",
    );
  return given;
}

function propagatedTags(given: string | undefined, definition: TaskDefinitionRow): Tags {
  switch (given) {
    case undefined:
    case "NONE":
      return {};
    case "TASK_DEFINITION":
      return definition.tags;
    case "SERVICE":
      throw invalidParameter("Propagating tags from a service is only possible for the service's own tasks.");
    default:
      throw invalidParameter(`Invalid value '${given}' for propagateTags.`);
  }
}
