// The policies that hold for a caller now: inline ones, the default versions of attached ones, those of a user's groups, boundaries,
// and what a session was given. Who is gone, or another of the same name, is granted nothing.
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import { defaultVersionOf } from "#domain/iam/managed-policy.ts";
import type { PolicyHolder, RoleRow, UserRow } from "#domain/iam/records.ts";
import type { Tags } from "#domain/tags.ts";
import type { ApplicablePolicies } from "#iam/evaluate.ts";
import type { Policy } from "#iam/policy.ts";
import type { Reader } from "#store/store.ts";
import { groups, managedPolicies, roles, users } from "#store/tables/iam.ts";
import type { Principal, SessionAttributes } from "./service-definition.ts";
import type { PolicyReader } from "./stored-policy.ts";

export interface Grants extends Pick<ApplicablePolicies, "identity" | "boundary" | "session"> {
  /** Of the user, or of the role and its session. */
  readonly tags: Tags;
}

const NOTHING: Grants = { identity: [], tags: {} };

export function createGrants(reader: Reader, readPolicy: PolicyReader): (principal: Principal) => Grants {
  const read = (text: string): Policy => readPolicy(text, "identity");
  return (principal) => {
    switch (principal.type) {
      case "root":
        return NOTHING;
      case "user": {
        const user = reader.get(users, principal.userName);
        if (user?.id !== principal.id) return NOTHING;
        return { ...grantsOfHolder(reader, user, read), tags: user.tags };
      }
      default: {
        const role = reader.find(roles, "arn", principal.roleArn)[0]?.[1];
        if (role === undefined) return NOTHING;
        const session = principal.type === "session" ? principal : undefined;
        return {
          ...grantsOfHolder(reader, role, read),
          ...sessionOf(reader, session, read),
          tags: { ...role.tags, ...session?.tags },
        };
      }
    }
  };
}

/** What a user or a role is granted by itself, as the simulator asks, too. */
export function grantsOfHolder(
  reader: Reader,
  holder: UserRow | RoleRow,
  read: (text: string) => Policy,
): Pick<Grants, "identity" | "boundary"> {
  const memberOf = "groups" in holder ? holder.groups.flatMap((name) => reader.get(groups, name) ?? []) : [];
  const texts = [holder, ...memberOf].flatMap((each) => documentsOf(reader, each));
  const { permissionsBoundary: boundary } = holder;
  return {
    identity: texts.map(read),
    ...(boundary === undefined ? {} : { boundary: [documentOf(reader, boundary) ?? []].flat().map(read) }),
  };
}

function sessionOf(
  reader: Reader,
  session: SessionAttributes | undefined,
  read: (text: string) => Policy,
): Pick<Grants, "session"> {
  const { policies, policyArns } = session ?? {};
  if (policies === undefined && policyArns === undefined) return {};
  const managed = (policyArns ?? []).flatMap((arn) => documentOf(reader, arn) ?? []);
  return { session: [...(policies ?? []), ...managed].map(read) };
}

const documentsOf = (reader: Reader, { inlinePolicies, attachedPolicies }: PolicyHolder) => [
  ...Object.values(inlinePolicies),
  ...attachedPolicies.flatMap((arn) => documentOf(reader, arn) ?? []),
];

/** The text that holds of a managed policy, AWS's or the account's own. */
export function documentOf(reader: Reader, arn: string): string | undefined {
  const ofAws = awsPolicies.get(arn);
  if (ofAws !== undefined) return ofAws.document;
  const own = reader.find(managedPolicies, "arn", arn)[0]?.[1];
  return own === undefined ? undefined : defaultVersionOf(own).document;
}
