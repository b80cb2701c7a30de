// Who calls, against the Principal element of trust and resource-based policies (IAM User Guide, "Principal").
import { parseArn } from "#lib/arn.ts";
import type { Listed, PrincipalEntry, PrincipalKind } from "./policy.ts";

export type Caller =
  | {
      readonly type: "AWS";
      /** Of the user or of the role's session. */
      readonly arn: string;
      readonly account: string;
      /** Of a session's role. */
      readonly roleArn?: string;
      /** `AIDA…` of the user, `AROA…` of the session's role: policies that are kept by id name them so. */
      readonly id?: string;
    }
  | { readonly type: "Service"; readonly name: string }
  | { readonly type: "Federated"; readonly provider: string }
  | { readonly type: "CanonicalUser"; readonly id: string };

/**
 * How near a policy names the caller: by the very ARN with which it calls, by its role or as everybody, or by its account, which
 * leaves it to the account's own policies to say who.
 */
export type Naming = "self" | "role" | "account" | undefined;

const ORDER = ["self", "role", "account"] as const;

export function namingOf(principals: Listed<PrincipalEntry>, caller: Caller): Naming {
  const found = new Set(principals.entries.map((entry) => naming(entry, caller)));
  const nearest = ORDER.find((each) => found.has(each));
  if (!principals.negated) return nearest;
  return nearest === undefined ? "role" : undefined;
}

function naming({ kind, value }: PrincipalEntry, caller: Caller): Naming {
  if (kind === "*" || (kind === "AWS" && value === "*")) return "role";
  if (kind !== caller.type) return undefined;
  switch (caller.type) {
    case "Service":
      return value === caller.name ? "self" : undefined;
    case "Federated":
      return value === caller.provider ? "self" : undefined;
    case "CanonicalUser":
      return value === caller.id ? "self" : undefined;
    case "AWS":
      if (value === caller.arn) return "self";
      if (value === caller.id) return caller.roleArn === undefined ? "self" : "role";
      if (value === caller.roleArn) return "role";
      return accountOf(value) === caller.account ? "account" : undefined;
  }
}

/** `123456789012` and `arn:aws:iam::123456789012:root` are the account. */
function accountOf(value: string): string | undefined {
  if (/^\d{12}$/.test(value)) return value;
  const arn = parseArn(value);
  return arn?.service === "iam" && arn.resource === "root" ? arn.account : undefined;
}

/** Whether a value has the form of its kind: no part of a principal's name can be a wildcard. */
export function isPrincipal(kind: PrincipalKind, value: string): boolean {
  switch (kind) {
    case "AWS":
      return (
        value === "*" || /^\d{12}$/.test(value) || isIamArn(value) || /^A[RI][OD]A[A-Z0-9]{12,}$/.test(value)
      );
    case "Service":
      return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$/.test(value);
    case "Federated":
      return value !== "" && !/[*?]/.test(value);
    case "CanonicalUser":
      return value !== "" && !/[*?]/.test(value);
  }
}

function isIamArn(value: string): boolean {
  const arn = parseArn(value);
  if (arn === undefined || /[*?]/.test(value) || !/^\d{12}$/.test(arn.account)) return false;
  if (arn.service === "iam") return /^(root$|(user|role)\/.)/.test(arn.resource);
  return arn.service === "sts" && /^(assumed-role|federated-user)\/./.test(arn.resource);
}
