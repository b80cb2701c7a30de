// Whether a request is allowed (IAM User Guide, "Policy evaluation logic", within one account): an explicit deny anywhere wins;
// then the boundary and the session's policies must allow, and the identity's or the resource's policies.
import { matchesArn } from "./arn-pattern.ts";
import { type Context, matches, resolve } from "./pattern.ts";
import type { Policy, Statement } from "./policy.ts";
import { type Caller, type Naming, namingOf } from "./principal.ts";

export interface RequestedResource {
  /** An ARN, or `*` for an action that has no resources. */
  readonly arn: string;
  /** What is known of this one besides the request's context: its tags. */
  readonly context?: Context;
}

export interface AuthorizationRequest {
  readonly principal: Caller;
  /** `ecs:RunTask`, in whatever case. */
  readonly action: string;
  /** Every one must be allowed. */
  readonly resources: readonly RequestedResource[];
  readonly context: Context;
}

export interface ApplicablePolicies {
  readonly identity: readonly Policy[];
  /** Absent: no permissions boundary is set. Present and empty: it allows nothing. */
  readonly boundary?: readonly Policy[];
  /** Absent: the session was given no policies of its own. */
  readonly session?: readonly Policy[];
  /** The resource's own policy: of a secret, of a key, of a role that is to be assumed. */
  readonly resource?: readonly Policy[];
  /**
   * Absent: the resource's policy is one of two that may allow. Present: without it nobody may, whatever the caller's own policies
   * say, though it may leave the choice to them by naming the account. So do keys (`decides`) and roles' trust policies (`trust`).
   */
  readonly resourceRule?: "decides" | "trust";
}

/** AWS's names of the kinds of policies in its denials. */
const names = {
  identity: "identity-based policy",
  boundary: "permissions boundary",
  session: "session policy",
  resource: "resource-based policy",
  trust: "role trust policy",
} as const;
export type PolicySource = keyof typeof names;

export type Decision =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly explicit: boolean;
      /** Whose deny it is, or whose allow is missing. */
      readonly source: PolicySource;
      readonly resource: string;
    };

const ALLOWED: Decision = { allowed: true };
const SOURCES = ["identity", "resource", "boundary", "session"] as const;

export function evaluate(policies: ApplicablePolicies, request: AuthorizationRequest): Decision {
  const action = request.action.toLowerCase();
  let denied: Decision | undefined;
  for (const resource of request.resources) {
    const context = merged(request.context, resource.context);
    const decision = evaluateOne(policies, { ...request, action, arn: resource.arn, context });
    // Of several refusals the explicit one is told: no further policy can lift it.
    if (!decision.allowed && (denied === undefined || decision.explicit)) denied = decision;
    if (!decision.allowed && decision.explicit) break;
  }
  return denied ?? ALLOWED;
}

/** How AWS goes on after "is not authorized to perform: … on resource: …". */
export function reasonOf({ explicit, source }: Decision & { allowed: false }, action: string): string {
  const name = names[source];
  if (!explicit) return `because no ${name} allows the ${action} action`;
  const article = { identity: "an", trust: "the", boundary: "a", session: "a", resource: "a" }[source];
  return `with an explicit deny in ${article} ${name}`;
}

interface One {
  readonly principal: Caller;
  readonly action: string;
  readonly arn: string;
  readonly context: Context;
}

function evaluateOne(policies: ApplicablePolicies, one: One): Decision {
  const ofResource = policies.resourceRule === "trust" ? "trust" : "resource";
  for (const kind of SOURCES) {
    for (const policy of policies[kind] ?? []) {
      if (policy.statements.some((s) => s.effect === "Deny" && applies(s, one) !== undefined)) {
        const source = kind === "resource" ? ofResource : kind;
        return { allowed: false, explicit: true, source, resource: one.arn };
      }
    }
  }
  const missing = (source: PolicySource): Decision => ({
    allowed: false,
    explicit: false,
    source,
    resource: one.arn,
  });
  const byResource = allowedBy(policies.resource, one);
  // Whoever the resource names by its very ARN needs nobody else's allow; who only belongs to a named account does.
  if (byResource === "self") return ALLOWED;
  if (policies.resourceRule !== undefined && byResource === undefined) return missing(ofResource);
  const byIdentity = allowedBy(policies.identity, one) !== undefined;
  if (!byIdentity && byResource !== "role")
    return missing(policies.resource !== undefined && one.principal.type !== "AWS" ? "resource" : "identity");
  if (policies.boundary !== undefined && allowedBy(policies.boundary, one) === undefined)
    return missing("boundary");
  if (policies.session !== undefined && allowedBy(policies.session, one) === undefined)
    return missing("session");
  return ALLOWED;
}

/** By which naming the policies allow it: the nearest. */
function allowedBy(policies: readonly Policy[] | undefined, one: One): Naming {
  let best: Naming;
  for (const policy of policies ?? []) {
    for (const statement of policy.statements) {
      if (statement.effect !== "Allow") continue;
      const naming = applies(statement, one);
      if (naming === "self") return naming;
      if (naming !== undefined && best !== "role") best = naming;
    }
  }
  return best;
}

/** Undefined: the statement does not speak of this. */
function applies(statement: Statement, { principal, action, arn, context }: One): Naming {
  const { actions, resources, principals, conditions } = statement;
  const actionListed = actions.entries.some((pattern) => {
    const resolved = resolve(pattern, context);
    return resolved !== undefined && matches(resolved, action);
  });
  if (actionListed === actions.negated) return undefined;
  if (resources !== undefined && !speaksOf(resources, arn, context)) return undefined;
  const naming = principals === undefined ? "self" : namingOf(principals, principal);
  if (naming === undefined) return undefined;
  return conditions.every((test) => test(context) === true) ? naming : undefined;
}

function speaksOf(resources: NonNullable<Statement["resources"]>, arn: string, context: Context): boolean {
  let unresolved = false;
  for (const pattern of resources.entries) {
    const matched = matchesArn(pattern, arn, context);
    if (matched === true) return !resources.negated;
    if (matched === undefined) unresolved = true;
  }
  // "All but" somebody's own, where nobody knows whose: the statement is without effect.
  return resources.negated && !unresolved;
}

function merged(common: Context, own: Context | undefined): Context {
  return own === undefined || own.size === 0 ? common : new Map([...common, ...own]);
}

/** A context from plain values. Keys may be written in any case; a key without values is not there. */
export function contextOf(values: Readonly<Record<string, string | readonly string[] | undefined>>): Context {
  const context = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) context.set(key.toLowerCase(), typeof value === "string" ? [value] : value);
  }
  return context;
}
