// Log groups and streams as rows: what they are called and how long they keep their events. The events are the log store's.
import { formatArn } from "#lib/arn.ts";
import type { Tags } from "../tags.ts";

export interface LogGroupRow {
  /** Names the group's events in the log store; a group made anew has another. */
  readonly id: string;
  readonly name: string;
  readonly region: string;
  /** Without the `:*` that AWS appends in places. */
  readonly arn: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Undefined: events never expire. */
  readonly retentionInDays?: number;
  readonly tags: Tags;
}

export interface LogStreamRow {
  readonly id: string;
  readonly groupId: string;
  readonly name: string;
  readonly arn: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** PutRetentionPolicy, "Possible values". */
export const RETENTION_DAYS: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const DAY_MS = 86_400_000;

/** Events before this time have expired; epoch milliseconds. */
export const keptFrom = ({ retentionInDays }: Pick<LogGroupRow, "retentionInDays">, now: number): number =>
  retentionInDays === undefined ? 0 : now - retentionInDays * DAY_MS;

export interface NewLogGroup {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly account: string;
  readonly tags: Tags;
}

export const newLogGroup = ({ account, ...group }: NewLogGroup, now: number): LogGroupRow => ({
  ...group,
  arn: logGroupArn(group.region, account, group.name),
  createdAt: now,
});

export const newLogStream = (group: LogGroupRow, id: string, name: string, now: number): LogStreamRow => ({
  id,
  groupId: group.id,
  name,
  arn: `${group.arn}:log-stream:${name}`,
  createdAt: now,
});

export const withRetention = (group: LogGroupRow, days: number | undefined): LogGroupRow => {
  const { retentionInDays: _, ...rest } = group;
  return days === undefined ? rest : { ...rest, retentionInDays: days };
};

export const logGroupArn = (region: string, account: string, name: string): string =>
  formatArn({ service: "logs", region, account, resource: `log-group:${name}` });

export const logGroupKey = (region: string, name: string): string => `${region}/${name}`;
export const logStreamKey = (groupId: string, name: string): string => `${groupId}/${name}`;
