// Event buses, rules with their targets, and where deliveries go, as stored. Keys: region/bus and region/bus/rule.
import type { PlacementConstraint, PlacementStrategy } from "@aws-sdk/client-ecs";
import { formatArn } from "#lib/arn.ts";
import type { Tags } from "../tags.ts";

export const DEFAULT_BUS = "default";

/** Custom buses only: `default` is always there. */
export interface EventBusRow {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly description?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tags: Tags;
}

export interface RuleRow {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly account: string;
  readonly busName: string;
  readonly state: "ENABLED" | "DISABLED";
  readonly description?: string;
  /** JSON text. A rule has a pattern, a schedule, or both. */
  readonly pattern?: string;
  readonly schedule?: string;
  /** From when a `rate(…)` counts: when the schedule was given or the rule enabled last. Epoch milliseconds. */
  readonly scheduledSince: number;
  readonly createdBy: string;
  /** In the order in which they were put; at most `MOST_TARGETS`. */
  readonly targets: readonly TargetRow[];
  readonly tags: Tags;
}

/** EventBridge quotas, "Targets per rule". */
export const MOST_TARGETS = 5;

export interface TargetRow {
  readonly id: string;
  readonly arn: string;
  readonly roleArn?: string;
  readonly input?: TargetInput;
  readonly ecs?: EcsTarget;
  readonly http?: HttpTarget;
  readonly retry: RetryPolicy;
}

/** What the target is sent instead of the event. */
export type TargetInput =
  | { readonly kind: "constant"; readonly text: string }
  | { readonly kind: "path"; readonly path: string }
  | {
      readonly kind: "transformer";
      readonly paths: Readonly<Record<string, string>>;
      readonly template: string;
    };

/** The target's ARN is the cluster's. */
export interface EcsTarget {
  readonly taskDefinitionArn: string;
  readonly taskCount: number;
  readonly launchType?: string;
  readonly group?: string;
  readonly network?: {
    readonly subnets: readonly string[];
    readonly securityGroups?: readonly string[];
    readonly assignPublicIp?: "ENABLED" | "DISABLED";
  };
  readonly placementConstraints?: readonly PlacementConstraint[];
  readonly placementStrategy?: readonly PlacementStrategy[];
  readonly enableEcsManagedTags?: boolean;
  readonly propagateTags?: "TASK_DEFINITION";
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
}

/** Of an API destination: what fills the endpoint's `*` and is added to the request. */
export interface HttpTarget {
  readonly pathValues: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export interface RetryPolicy {
  /** After the first attempt. */
  readonly attempts: number;
  readonly maximumAgeSeconds: number;
}

/** EventBridge API reference, RetryPolicy. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 185, maximumAgeSeconds: 86_400 };

/** Key: ruleKey. The newest due time that was turned into an event: no due time is used twice, by whatever crash. */
export interface ScheduleRunRow {
  readonly lastDue: number;
}

export const busKey = (region: string, name: string): string => `${region}/${name}`;
export const ruleKey = (region: string, busName: string, name: string): string =>
  `${region}/${busName}/${name}`;

export const busArn = (region: string, account: string, name: string): string =>
  formatArn({ service: "events", region, account, resource: `event-bus/${name}` });

/** A rule of the default bus does not name it. */
export const ruleArn = (region: string, account: string, busName: string, name: string): string =>
  formatArn({
    service: "events",
    region,
    account,
    resource: busName === DEFAULT_BUS ? `rule/${name}` : `rule/${busName}/${name}`,
  });

/** PutTargets: a target of the same id is replaced. */
export function putTargets(rule: RuleRow, added: readonly TargetRow[]): RuleRow {
  const ids = new Set(added.map(({ id }) => id));
  return { ...rule, targets: [...rule.targets.filter(({ id }) => !ids.has(id)), ...added] };
}

/** RemoveTargets: ids that are not there are no error. */
export function removeTargets(rule: RuleRow, ids: ReadonlySet<string>): RuleRow {
  return { ...rule, targets: rule.targets.filter(({ id }) => !ids.has(id)) };
}

/** EnableRule and DisableRule. Enabling anew lets a rate count from now. */
export function setRuleState(rule: RuleRow, state: RuleRow["state"], now: number): RuleRow {
  if (rule.state === state) return rule;
  return { ...rule, state, ...(state === "ENABLED" ? { scheduledSince: now } : {}) };
}
