// A policy as it is evaluated: read and checked by parse.ts.
import type { ArnPattern } from "./arn-pattern.ts";
import type { Pattern } from "./pattern.ts";
import type { ConditionTest } from "./condition.ts";

export type PrincipalKind = "AWS" | "Service" | "Federated" | "CanonicalUser";

export interface PrincipalEntry {
  /** `*` written without a kind. */
  readonly kind: PrincipalKind | "*";
  readonly value: string;
}

/** A list, and whether the statement speaks of what is in it or of all else (`NotAction`). */
export interface Listed<T> {
  readonly entries: readonly T[];
  readonly negated: boolean;
}

export interface Statement {
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  /** Identity-based policies have none. */
  readonly principals: Listed<PrincipalEntry> | undefined;
  /** In lower case. */
  readonly actions: Listed<Pattern>;
  /** Trust policies have none: they speak of their role. */
  readonly resources: Listed<ArnPattern> | undefined;
  readonly conditions: readonly ConditionTest[];
}

export interface Policy {
  readonly id: string | undefined;
  readonly statements: readonly Statement[];
}
