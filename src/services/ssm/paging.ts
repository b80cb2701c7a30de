// NextToken and MaxResults.
import { ServiceError } from "#lib/errors.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { pageOf } from "../page.ts";
import { constraint } from "./errors.ts";

interface PagedInput {
  readonly NextToken?: string | undefined;
  readonly MaxResults?: number | undefined;
}

/** @throws ValidationException, InvalidNextToken */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { action, region }: Pick<RequestContext, "action" | "region">,
  { input, most }: { readonly input: PagedInput; readonly most: number },
): { readonly items: readonly T[]; readonly rest: { NextToken?: string } } {
  const { NextToken: token, MaxResults: size = most, ...asked } = input;
  if (!Number.isInteger(size) || size < 1)
    throw constraint(size, "maxResults", "Member must have value greater than or equal to 1");
  if (size > most)
    throw constraint(size, "maxResults", `Member must have value less than or equal to ${most}`);
  const found = pageOf(rows, keyOf, { question: [action, region, asked], token, size });
  if (found === undefined) throw new ServiceError("InvalidNextToken", "The specified token isn't valid.");
  return { items: found.items, rest: found.next === undefined ? {} : { NextToken: found.next } };
}
