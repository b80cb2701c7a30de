// Marker and PageSize. A marker is opaque and bound to the question it came from.
import { createHash } from "node:crypto";
import { inRange } from "./constraints.ts";
import { validationError } from "./errors.ts";

const LARGEST_PAGE = 400;

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextMarker?: string;
}

/**
 * The page of `rows` (sorted by `keyOf`) that the marker points to.
 * @param question what else the caller asked: a marker of another question is refused
 */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  question: unknown,
  input: { readonly Marker?: string | undefined; readonly PageSize?: number | undefined },
): Page<T> {
  const size =
    input.PageSize === undefined ? LARGEST_PAGE : inRange(input.PageSize, "pageSize", 1, LARGEST_PAGE);
  const bound = createHash("sha256")
    .update(JSON.stringify(question ?? null))
    .digest("base64url")
    .slice(0, 10);
  const after = input.Marker === undefined ? undefined : readMarker(input.Marker, bound);
  const sorted = [...rows].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
  const rest = after === undefined ? sorted : sorted.filter((row) => keyOf(row) > after);
  const items = rest.slice(0, size);
  const last = items.at(-1);
  if (rest.length <= size || last === undefined) return { items };
  return { items, nextMarker: Buffer.from(`${bound}.${keyOf(last)}`).toString("base64url") };
}

function readMarker(marker: string, bound: string): string {
  const text = Buffer.from(marker, "base64url").toString();
  if (!text.startsWith(`${bound}.`)) throw validationError(`Invalid marker '${marker}'`);
  return text.slice(bound.length + 1);
}
