// Pages of a listing: a bounded part of sorted rows and an opaque token to the rest, bound to the question it came from.
// What a service calls its token and how it refuses a bad one is the service's.
import { createHash } from "node:crypto";

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: string;
}

export interface PageRequest {
  /** What else the caller asked: a token of another question is refused. */
  readonly question: unknown;
  readonly token: string | undefined;
  readonly size: number;
  /** The last keys first. */
  readonly descending?: boolean;
}

/**
 * The page of `rows` (in any order; pages come in the order of `keyOf`) that the token points to. Rows that came or went
 * meanwhile neither repeat nor hide others.
 * @returns undefined when the token is not one of this question's
 */
export function pageOf<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { question, token, size, descending = false }: PageRequest,
): Page<T> | undefined {
  const bound = createHash("sha256")
    .update(JSON.stringify(question ?? null))
    .digest("base64url")
    .slice(0, 10);
  const after = token === undefined ? undefined : readToken(token, bound);
  if (after === null) return undefined;
  const sign = descending ? -1 : 1;
  const order = (a: string, b: string) => sign * (a < b ? -1 : a > b ? 1 : 0);
  const sorted = [...rows].sort((a, b) => order(keyOf(a), keyOf(b)));
  const rest = after === undefined ? sorted : sorted.filter((row) => order(keyOf(row), after) > 0);
  const items = rest.slice(0, size);
  const last = items.at(-1);
  if (rest.length <= size || last === undefined) return { items };
  return { items, next: Buffer.from(`${bound}.${keyOf(last)}`).toString("base64url") };
}

function readToken(token: string, bound: string): string | null {
  const text = Buffer.from(token, "base64url").toString();
  return text.startsWith(`${bound}.`) ? text.slice(bound.length + 1) : null;
}
