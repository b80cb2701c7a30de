// Parameters and their versions by what a caller calls them.
import {
  isExpired,
  parameterKey,
  parameterVersionKey,
  type ParameterRow,
  type ParameterVersionRow,
} from "#domain/ssm/parameter.ts";
import type { Reader } from "#store/store.ts";
import { parameters, parameterVersions } from "#store/tables/ssm.ts";
import { parameterNotFound, versionNotFound } from "./errors.ts";
import { readName, type NamedParameter, type Place } from "./parameter-name.ts";

export interface Found {
  readonly row: ParameterRow;
  readonly version: ParameterVersionRow;
  readonly named: NamedParameter;
}

/** The parameter that is there, or undefined; selectors are left aside. One whose time is over is gone. */
export function findParameter(
  reader: Reader,
  place: Place,
  { name, byArn, isElsewhere }: NamedParameter,
  now: number,
): ParameterRow | undefined {
  if (isElsewhere || name === "" || name.length > 1011) return undefined;
  const row = reader.get(parameters, parameterKey(place.region, name));
  if (row === undefined || isExpired(row, now)) return undefined;
  return byArn || row.name === name ? row : undefined;
}

/** @throws ParameterNotFound */
export function parameterOf(reader: Reader, place: Place, given: string, now: number): ParameterRow {
  const named = readName(place, given);
  const row = named.selector === undefined ? findParameter(reader, place, named, now) : undefined;
  if (row === undefined) throw parameterNotFound(given);
  return row;
}

/** @throws ParameterNotFound, ParameterVersionNotFound */
export function versionOf(reader: Reader, place: Place, given: string, now: number): Found {
  const named = readName(place, given);
  const row = findParameter(reader, place, named, now);
  if (row === undefined) throw parameterNotFound(given);
  const { selector } = named;
  const number = selector === undefined ? row.version : numberOf(row, selector);
  const version = number === undefined ? undefined : getVersion(reader, row, number);
  if (version === undefined) throw versionNotFound(row.name, selector ?? "");
  return { row, version, named };
}

const numberOf = (row: ParameterRow, selector: string): number | undefined =>
  /^\d+$/.test(selector)
    ? Number(selector)
    : Object.hasOwn(row.labels, selector)
      ? row.labels[selector]
      : undefined;

export const getVersion = (
  reader: Reader,
  row: ParameterRow,
  version: number,
): ParameterVersionRow | undefined => reader.get(parameterVersions, parameterVersionKey(row.id, version));

/** Oldest first. */
export const versionsOf = (reader: Reader, row: ParameterRow): ParameterVersionRow[] =>
  Array.from(reader.scan(parameterVersions, { prefix: `${row.id}/` }), ([, version]) => version);

/** Every parameter below the path, in the order of their names; `/` is all. */
export function* parametersBelow(
  reader: Reader,
  { region }: Place,
  path: string,
  { recursive, now }: { readonly recursive: boolean; readonly now: number },
): Iterable<ParameterRow> {
  const prefix = parameterKey(region, path.endsWith("/") ? path : `${path}/`);
  for (const [key, row] of reader.scan(parameters, { prefix })) {
    if (!recursive && key.indexOf("/", prefix.length) >= 0) continue;
    if (!isExpired(row, now)) yield row;
  }
}
