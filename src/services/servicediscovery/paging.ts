// MaxResults and NextToken.
import type { RequestContext } from "#gateway/service-definition.ts";
import { pageOf } from "../page.ts";
import { inRange } from "./constraints.ts";
import { invalidInput } from "./errors.ts";

interface PagedInput {
  readonly NextToken?: string | undefined;
  readonly MaxResults?: number | undefined;
}

const USUAL = 100;

/** @throws InvalidInput */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { action, region }: Pick<RequestContext, "action" | "region">,
  { NextToken: token, MaxResults: limit, ...asked }: PagedInput,
): { readonly items: readonly T[]; readonly rest: { readonly NextToken?: string } } {
  const size = limit === undefined ? USUAL : inRange(limit, "maxResults", 1, 100);
  const found = pageOf(rows, keyOf, { question: [action, region, asked], token, size });
  if (found === undefined) throw invalidInput("The NextToken is invalid.");
  return { items: found.items, rest: found.next === undefined ? {} : { NextToken: found.next } };
}
