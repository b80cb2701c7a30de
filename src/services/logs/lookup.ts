// Finds the group or stream that a caller means: by name, or by the ARN in any of the forms that AWS shows.
import { parseArn } from "#lib/arn.ts";
import { logGroupKey, logStreamKey, type LogGroupRow, type LogStreamRow } from "#domain/logs/log-group.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { logGroups, logStreams } from "#store/tables/logs.ts";
import { checkGroupName, checkStreamName } from "./constraints.ts";
import { invalidParameter, noSuchGroup, noSuchStream } from "./errors.ts";

type Place = Pick<RequestContext, "region" | "account">;

interface NamesGroup {
  readonly logGroupName?: string | undefined;
  readonly logGroupIdentifier?: string | undefined;
}

/** The name in a name or an ARN, with or without `:*` or a stream behind it. */
export function groupNameIn(identifier: string): string {
  const arn = parseArn(identifier);
  if (arn === undefined) return identifier;
  return /^log-group:([^:]*)(:.*)?$/.exec(arn.resource)?.[1] ?? "";
}

/** @throws InvalidParameterException, ResourceNotFoundException */
export function groupByName(reader: Reader, { region }: Place, name: string | undefined): LogGroupRow {
  const row = reader.get(logGroups, logGroupKey(region, checkGroupName(name ?? "")));
  if (row === undefined) throw noSuchGroup();
  return row;
}

/** @throws InvalidParameterException, ResourceNotFoundException */
export function groupByIdentifier(
  reader: Reader,
  { region, account }: Place,
  identifier: string,
  member = "logGroupIdentifier",
): LogGroupRow {
  const arn = parseArn(identifier);
  if (arn !== undefined) {
    if (arn.service !== "logs" || groupNameIn(identifier) === "")
      throw invalidParameter(`The ARN ${identifier} is not that of a log group.`);
    if (arn.region !== region || arn.account !== account) throw noSuchGroup();
  }
  const name = checkGroupName(groupNameIn(identifier), member);
  const row = reader.get(logGroups, logGroupKey(region, name));
  if (row === undefined) throw noSuchGroup();
  return row;
}

/** Of operations that take one or the other, and never both. */
export function namedGroup(reader: Reader, place: Place, input: NamesGroup): LogGroupRow {
  const { logGroupName, logGroupIdentifier } = input;
  if ((logGroupName === undefined) === (logGroupIdentifier === undefined))
    throw invalidParameter("Exactly one of logGroupName and logGroupIdentifier must be given.");
  return logGroupIdentifier === undefined
    ? groupByName(reader, place, logGroupName)
    : groupByIdentifier(reader, place, logGroupIdentifier);
}

/** @throws InvalidParameterException, ResourceNotFoundException */
export function streamOf(reader: Reader, group: LogGroupRow, name: string | undefined): LogStreamRow {
  const row = reader.get(logStreams, logStreamKey(group.id, checkStreamName(name ?? "")));
  if (row === undefined) throw noSuchStream();
  return row;
}

/** In the order of their names. */
export const streamsOf = (reader: Reader, group: LogGroupRow, prefix = ""): LogStreamRow[] =>
  [...reader.scan(logStreams, { prefix: logStreamKey(group.id, prefix) })].map(([, row]) => row);
