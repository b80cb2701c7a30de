// What policies would say of an action on a resource, and which of them said it (IAM API reference, SimulatePrincipalPolicy).
import type { EvaluationResult, Statement } from "@aws-sdk/client-iam";
import { contextKeysOf } from "#iam/context-keys.ts";
import { evaluate, type ApplicablePolicies } from "#iam/evaluate.ts";
import { parsePolicy } from "#iam/parse.ts";
import type { Policy } from "#iam/policy.ts";
import type { Context } from "#iam/pattern.ts";
import type { Caller } from "#iam/principal.ts";

export interface NamedPolicy {
  readonly id: string;
  readonly type: NonNullable<Statement["SourcePolicyType"]>;
  /** JSON text that was checked. */
  readonly document: string;
}

export interface Simulation {
  readonly identity: readonly NamedPolicy[];
  readonly boundary?: readonly NamedPolicy[];
  readonly resource?: NamedPolicy;
  readonly caller: Caller;
  readonly context: Context;
}

/** What is not given among what the policies ask for, so that a condition may not hold for want of it. */
export const missingKeys = ({ identity, boundary = [], context }: Simulation): string[] => {
  const keys = [...identity, ...boundary].flatMap(({ document }) => contextKeysOf(document));
  return [...new Set(keys.filter((key) => !context.has(key.toLowerCase())))];
};

export function simulate(simulation: Simulation, action: string, resource: string): EvaluationResult {
  const { identity, boundary, resource: ofResource, caller, context } = simulation;
  const request = { principal: caller, action, resources: [{ arn: resource }], context };
  const judge = (policies: ApplicablePolicies) => evaluate(policies, request);
  const decision = judge({
    identity: identity.map(read),
    ...(boundary === undefined ? {} : { boundary: boundary.map(read) }),
    ...(ofResource === undefined ? {} : { resource: [readResource(ofResource)] }),
  });
  const isExplicit = !decision.allowed && decision.explicit;
  /** Each policy alone: it matched when it says so by itself. */
  const matched = [...identity, ...(boundary ?? [])].filter((policy) => {
    const alone = judge({ identity: [read(policy)] });
    return isExplicit ? !alone.allowed && alone.explicit : alone.allowed;
  });
  const allowedByBoundary =
    boundary === undefined ? undefined : judge({ identity: boundary.map(read) }).allowed;
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: decision.allowed ? "allowed" : isExplicit ? "explicitDeny" : "implicitDeny",
    MatchedStatements:
      decision.allowed || isExplicit
        ? matched.map(({ id, type }) => ({ SourcePolicyId: id, SourcePolicyType: type }))
        : [],
    MissingContextValues: missingKeys(simulation),
    ...(allowedByBoundary === undefined
      ? {}
      : { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: allowedByBoundary } }),
  };
}

const read = ({ document }: NamedPolicy): Policy => parsePolicy(document, "identity");
const readResource = ({ document }: NamedPolicy): Policy => parsePolicy(document, "resource");
