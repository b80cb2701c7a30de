// Roles and instance profiles as records. IAM is global: keys are names.
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
