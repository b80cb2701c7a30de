// Task definitions as stored: the normalised definition that Register and Describe answer. Key: region/family/revision.
import type { ContainerDefinition, TaskDefinition } from "@aws-sdk/client-ecs";
import type { Tags } from "../tags.ts";

export type { ContainerDefinition };

/** The definition proper: every member of the API's TaskDefinition that is not about its registration. */
export type TaskDefinitionBody = Omit<
  TaskDefinition,
  | "taskDefinitionArn"
  | "status"
  | "revision"
  | "registeredAt"
  | "registeredBy"
  | "deregisteredAt"
  | "deleteRequestedAt"
> & { readonly family: string; readonly containerDefinitions: ContainerDefinition[] };

export interface TaskDefinitionRow {
  readonly arn: string;
  readonly region: string;
  readonly family: string;
  readonly revision: number;
  readonly status: "ACTIVE" | "INACTIVE" | "DELETE_IN_PROGRESS";
  readonly body: TaskDefinitionBody;
  readonly registeredAt: number;
  readonly registeredBy: string;
  readonly deregisteredAt?: number;
  readonly deleteRequestedAt?: number;
  readonly tags: Tags;
}

/** A family never uses a revision again, even after all its revisions were deleted. */
export interface TaskDefinitionFamilyRow {
  readonly region: string;
  readonly family: string;
  readonly lastRevision: number;
}

export const familyKey = (region: string, family: string): string => `${region}/${family}`;
/** Revisions are padded so that key order is revision order. */
export const taskDefinitionKey = (region: string, family: string, revision: number): string =>
  `${region}/${family}/${String(revision).padStart(10, "0")}`;

/** DeregisterTaskDefinition: no new tasks are made of it. A second call changes nothing. */
export const deregisterTaskDefinition = (row: TaskDefinitionRow, now: number): TaskDefinitionRow =>
  row.status === "ACTIVE" ? { ...row, status: "INACTIVE", deregisteredAt: now } : row;

/** DeleteTaskDefinitions of an INACTIVE one: it stays until nothing is made of it any more. */
export const requestDeletion = (row: TaskDefinitionRow, now: number): TaskDefinitionRow =>
  row.status === "INACTIVE" ? { ...row, status: "DELETE_IN_PROGRESS", deleteRequestedAt: now } : row;
