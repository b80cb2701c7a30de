// Users, groups, roles, instance profiles and access keys as records. IAM is global: keys are names.
import type { Random } from "#lib/random.ts";
import type { Tags } from "../tags.ts";

/** What policies hang on. */
export interface PolicyHolder {
  /** ARNs. */
  readonly attachedPolicies: readonly string[];
  /** Name → JSON text. */
  readonly inlinePolicies: Readonly<Record<string, string>>;
}

export interface UserRow extends PolicyHolder {
  readonly arn: string;
  /** `AIDA…` */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** Names of the groups that it is in. */
  readonly groups: readonly string[];
  /** ARN of a managed policy. */
  readonly permissionsBoundary?: string;
  readonly createdAt: number;
  readonly tags: Tags;
}

export interface GroupRow extends PolicyHolder {
  readonly arn: string;
  /** `AGPA…` */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly createdAt: number;
}

export interface AccessKeyRow {
  /** `AKIA…` */
  readonly id: string;
  readonly userName: string;
  /** The secret, encrypted: only the server's own key opens it. */
  readonly sealedSecret: string;
  readonly status: "Active" | "Inactive";
  readonly createdAt: number;
  /** Written at most once in a quarter of an hour. */
  readonly lastUsed?: KeyUse;
}

export interface KeyUse {
  readonly at: number;
  /** As it is signed for: `ecs`. */
  readonly service: string;
  readonly region: string;
}

/** The last attempt to delete a service-linked role. */
export interface RoleDeletionRow {
  /** `task/aws-service-role/<service>/<role>/<uuid>` */
  readonly id: string;
  readonly roleName: string;
  readonly endedAt: number;
  /** ARNs of what still needed it; empty: it is gone. */
  readonly usedBy: readonly string[];
}

export interface RoleRow extends PolicyHolder {
  readonly arn: string;
  /** `AROA…` */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** The trust policy as JSON text. */
  readonly assumeRolePolicyDocument: string;
  readonly description?: string;
  /** Seconds. */
  readonly maxSessionDuration: number;
  /** ARN of a managed policy. */
  readonly permissionsBoundary?: string;
  readonly createdAt: number;
  readonly tags: Tags;
}

export interface InstanceProfileRow {
  readonly arn: string;
  /** `AIPA…` */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** At most one, as in IAM. */
  readonly roleNames: readonly string[];
  readonly createdAt: number;
  readonly tags: Tags;
}

/** Seconds (IAM API reference, CreateRole). */
export const DEFAULT_SESSION_DURATION = 3600;

type New<R> = Omit<R, "id" | "createdAt">;

/** Four letters that tell the kind, and 17 characters. */
const newId = (prefix: string, random: Random): string => prefix + random.hex(17).toUpperCase();

export function newRole(
  role: Pick<New<RoleRow>, "arn" | "name" | "path" | "assumeRolePolicyDocument" | "tags"> &
    Partial<Pick<RoleRow, "description" | "maxSessionDuration" | "permissionsBoundary">>,
  random: Random,
  now: number,
): RoleRow {
  return {
    maxSessionDuration: DEFAULT_SESSION_DURATION,
    attachedPolicies: [],
    inlinePolicies: {},
    ...role,
    id: newId("AROA", random),
    createdAt: now,
  };
}

export function newInstanceProfile(
  profile: Pick<New<InstanceProfileRow>, "arn" | "name" | "path" | "tags">,
  random: Random,
  now: number,
): InstanceProfileRow {
  return { ...profile, roleNames: [], id: newId("AIPA", random), createdAt: now };
}

export const newUser = (
  user: Pick<New<UserRow>, "arn" | "name" | "path" | "tags" | "permissionsBoundary">,
  random: Random,
  now: number,
): UserRow => ({
  ...user,
  groups: [],
  attachedPolicies: [],
  inlinePolicies: {},
  id: newId("AIDA", random),
  createdAt: now,
});

export const newGroup = (
  group: Pick<New<GroupRow>, "arn" | "name" | "path">,
  random: Random,
  now: number,
): GroupRow => ({
  ...group,
  attachedPolicies: [],
  inlinePolicies: {},
  id: newId("AGPA", random),
  createdAt: now,
});
