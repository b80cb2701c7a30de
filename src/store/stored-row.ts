// How a row is kept: `{"v": version, "row": …}` as JSON text. Decides what may be read (upgrade, or refuse the start)
// and gives the store its own frozen copy, so that nobody changes a row in place.
import { messageOf } from "#lib/errors.ts";
import { type AnyTable, LIMITS, type Row, TransactionTooLarge } from "./store.ts";

/** A stored row that this version of the code cannot read: the start is refused. */
export class UnreadableRow extends Error {
  override readonly name = "UnreadableRow";

  constructor(table: string, key: string, reason: string) {
    super(`The stored row ${table}/${key} cannot be read: ${reason}`);
  }
}

export interface EncodedRow {
  /** The row as JSON has it: own copy, frozen. */
  readonly row: Row;
  readonly value: string;
  readonly bytes: number;
}

/** @throws TransactionTooLarge */
export function encodeRow(table: AnyTable, row: Row): EncodedRow {
  const text = JSON.stringify(row) as string | undefined;
  if (typeof row !== "object" || row === null || text === undefined)
    throw new TypeError(`A row of ${table.name} is not a plain JSON object`);
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.bytesPerRow) throw new TransactionTooLarge("bytesPerRow", bytes);
  return { row: deepFreeze(JSON.parse(text) as Row), value: `{"v":${table.version},"row":${text}}`, bytes };
}

/** @throws UnreadableRow */
export function decodeRow(table: AnyTable, key: string, value: string): Row {
  let stored: { readonly v?: unknown; readonly row?: unknown } | null;
  try {
    stored = JSON.parse(value) as typeof stored;
  } catch (error) {
    throw new UnreadableRow(table.name, key, messageOf(error));
  }
  const { v, row } = stored ?? {};
  if (typeof v !== "number" || typeof row !== "object" || row === null)
    throw new UnreadableRow(table.name, key, "it is not a versioned row");
  if (v === table.version) return deepFreeze(row);
  if (v > table.version)
    throw new UnreadableRow(
      table.name,
      key,
      `it has version ${v}, written by a newer release; this one knows ${table.version}`,
    );
  if (table.upgrade === undefined)
    throw new UnreadableRow(table.name, key, `version ${v} has no upgrade to ${table.version}`);
  return deepFreeze(table.upgrade(row, v));
}

/** @throws TransactionTooLarge */
export function checkKey(table: AnyTable, key: string): void {
  if (key === "") throw new TypeError(`An empty key for ${table.name}`);
  if (/\p{Surrogate}/u.test(key)) throw new TypeError(`A key of ${table.name} is not well-formed Unicode`);
  const bytes = Buffer.byteLength(key);
  if (bytes > LIMITS.bytesPerKey) throw new TransactionTooLarge("bytesPerKey", bytes);
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value) as unknown[])
    if (typeof member === "object" && member !== null) deepFreeze(member);
  return Object.freeze(value);
}
