// Finding rows by the ids that callers give.
import { ServiceError } from "#lib/errors.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import type { Reader, Row, Table } from "#store/store.ts";
import { checkId, notFound, type ResourceKind } from "./errors.ts";

/** The row of an id that the call must name. @throws MissingParameter, Invalid….Malformed, Invalid….NotFound */
export function rowOf<R extends Row>(
  reader: Reader,
  table: Table<R>,
  region: string,
  kind: ResourceKind,
  id: string | undefined,
  parameter: string,
): Readonly<R> {
  const given = required(id, parameter);
  const row = reader.get(table, ec2Key(region, checkId(kind, given)));
  if (row === undefined) throw notFound(kind, [given]);
  return row;
}

/** @throws MissingParameter */
export function required<T>(value: T | undefined, parameter: string): T {
  if (value === undefined || (value as unknown) === "")
    throw new ServiceError("MissingParameter", `The request must contain the parameter ${parameter}`);
  return value;
}

/** The rows of the ids, or all of the region. */
export function named<R extends Row>(
  reader: Reader,
  table: Table<R>,
  region: string,
  kind: ResourceKind,
  ids: readonly string[] | undefined,
): readonly Readonly<R>[] {
  if (ids === undefined || ids.length === 0) return inRegion(reader, table, region);
  return [...new Set(ids)].map((id) => rowOf(reader, table, region, kind, id, kind));
}

export const inRegion = <R extends Row>(
  reader: Reader,
  table: Table<R>,
  region: string,
): readonly Readonly<R>[] => Array.from(reader.scan(table, { prefix: `${region}/` }), ([, row]) => row);

export const arnOf = (
  row: { readonly id: string; readonly region: string },
  kind: string,
  account: string,
): string => `arn:aws:ec2:${row.region}:${account}:${kind}/${row.id}`;
