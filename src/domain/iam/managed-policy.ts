// Managed policies of the account's own, with up to five versions of which one holds (IAM User Guide, "Versioning IAM policies").
import type { Random } from "#lib/random.ts";
import type { Tags } from "../tags.ts";

export interface PolicyVersion {
  /** `v1`, `v2` … never used twice. */
  readonly id: string;
  /** JSON text. */
  readonly document: string;
  readonly createdAt: number;
}

export interface ManagedPolicyRow {
  readonly arn: string;
  /** `ANPA…` */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly description?: string;
  /** Oldest first. */
  readonly versions: readonly PolicyVersion[];
  readonly defaultVersionId: string;
  readonly nextVersion: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tags: Tags;
}

/** IAM quotas, "Managed policy versions". */
export const MOST_VERSIONS = 5;

export function newManagedPolicy(
  policy: Pick<ManagedPolicyRow, "arn" | "name" | "path" | "tags"> & {
    readonly description?: string;
    readonly document: string;
  },
  random: Random,
  now: number,
): ManagedPolicyRow {
  const { document, ...rest } = policy;
  return {
    ...rest,
    id: `ANPA${random.hex(17).toUpperCase()}`,
    versions: [{ id: "v1", document, createdAt: now }],
    defaultVersionId: "v1",
    nextVersion: 2,
    createdAt: now,
    updatedAt: now,
  };
}

export function defaultVersionOf(policy: ManagedPolicyRow): PolicyVersion {
  const found = policy.versions.find(({ id }) => id === policy.defaultVersionId);
  if (found === undefined) throw new Error(`Policy ${policy.arn} has no version ${policy.defaultVersionId}`);
  return found;
}

/** The caller has checked that there is room for one. */
export function withVersion(
  policy: ManagedPolicyRow,
  { document, asDefault }: { readonly document: string; readonly asDefault: boolean },
  now: number,
): ManagedPolicyRow {
  const id = `v${policy.nextVersion}`;
  return {
    ...policy,
    versions: [...policy.versions, { id, document, createdAt: now }],
    defaultVersionId: asDefault ? id : policy.defaultVersionId,
    nextVersion: policy.nextVersion + 1,
    updatedAt: now,
  };
}

export const withDefaultVersion = (policy: ManagedPolicyRow, id: string, now: number): ManagedPolicyRow => ({
  ...policy,
  defaultVersionId: id,
  updatedAt: now,
});

export const withoutVersion = (policy: ManagedPolicyRow, id: string, now: number): ManagedPolicyRow => ({
  ...policy,
  versions: policy.versions.filter((version) => version.id !== id),
  updatedAt: now,
});
