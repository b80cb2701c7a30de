// Roles and instance profiles as records. IAM is global: keys are names.
import type { Random } from "#lib/random.ts";
import type { Tags } from "../tags.ts";

export interface RoleRow {
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
  /** ARNs. */
  readonly attachedPolicies: readonly string[];
  /** Name → JSON text. */
  readonly inlinePolicies: Readonly<Record<string, string>>;
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

/** `AROA` or `AIPA` and 17 characters. */
const newId = (prefix: string, random: Random): string => prefix + random.hex(17).toUpperCase();

export function newRole(
  role: Pick<New<RoleRow>, "arn" | "name" | "path" | "assumeRolePolicyDocument" | "tags"> &
    Partial<Pick<RoleRow, "description" | "maxSessionDuration">>,
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
