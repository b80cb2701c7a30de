// NextToken and MaxResults.
import { ServiceError } from "#lib/errors.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { pageOf } from "../page.ts";
import { constraint } from "./errors.ts";

export interface PagedInput {
  readonly NextToken?: string | undefined;
  readonly MaxResults?: number | undefined;
}

/** @throws ValidationException, InvalidNextTokenException */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { action, region }: Pick<RequestContext, "action" | "region">,
  { NextToken: token, MaxResults: size, ...asked }: PagedInput,
  most = 100,
): { readonly items: readonly T[]; readonly rest: { NextToken?: string } } {
  const count = size ?? most;
  if (!Number.isInteger(count) || count < 1)
    throw constraint(count, "maxResults", "Member must have value greater than or equal to 1");
  if (count > most)
    throw constraint(count, "maxResults", `Member must have value less than or equal to ${most}`);
  const found = pageOf(rows, keyOf, { question: [action, region, asked], token, size: count });
  if (found === undefined)
    throw new ServiceError("InvalidNextTokenException", "The NextToken value is not valid.");
  return { items: found.items, rest: found.next === undefined ? {} : { NextToken: found.next } };
}
