// nextToken and maxResults. A token is opaque and bound to the question it came from.
import { createHash } from "node:crypto";
import { invalidParameter } from "./errors.ts";

export interface Page<T> {
  readonly items: readonly T[];
  /** Spread into the answer: `{ nextToken }` or nothing. */
  readonly more: { readonly nextToken?: string };
}

export interface PageLimits {
  /** Without maxResults; 100 unless said otherwise, as most of ECS's lists. */
  readonly usual?: number;
  readonly largest?: number;
  /** Keys fall from page to page. */
  readonly descending?: boolean;
}

/**
 * The page of `rows` that the token points to, sorted by `keyOf`.
 * @param question what else the caller asked, the operation's name and region included: a token of another question is refused
 * @throws InvalidParameterException
 */
export function page<T>(
  rows: Iterable<T>,
  keyOf: (row: T) => string,
  question: readonly unknown[],
  input: { readonly nextToken?: string | undefined; readonly maxResults?: number | undefined },
  { usual = 100, largest = 100, descending = false }: PageLimits = {},
): Page<T> {
  const size = input.maxResults ?? usual;
  if (!Number.isInteger(size) || size < 1 || size > largest)
    throw invalidParameter(`maxResults must be between 1 and ${largest}.`);
  const bound = createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 10);
  const after = input.nextToken === undefined ? undefined : readToken(input.nextToken, bound);
  const isBefore = (a: string, b: string) => (descending ? a > b : a < b);
  const sorted = [...rows].sort((a, b) =>
    isBefore(keyOf(a), keyOf(b)) ? -1 : isBefore(keyOf(b), keyOf(a)) ? 1 : 0,
  );
  const rest = after === undefined ? sorted : sorted.filter((row) => isBefore(after, keyOf(row)));
  const items = rest.slice(0, size);
  const last = items.at(-1);
  if (rest.length <= size || last === undefined) return { items, more: {} };
  return { items, more: { nextToken: Buffer.from(`${bound}.${keyOf(last)}`).toString("base64url") } };
}

function readToken(token: string, bound: string): string {
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith(`${bound}.`)) throw invalidParameter("Invalid token.");
  return text.slice(bound.length + 1);
}
