// MaxResults and NextToken.
import { ServiceError } from "#lib/errors.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { pageOf } from "../page.ts";
import { invalidValue } from "./errors.ts";

const LARGEST_PAGE = 1000;

interface PagedInput {
  readonly NextToken?: string | undefined;
  readonly MaxResults?: number | undefined;
}

/**
 * The page asked for, and the token to the next.
 * @param action whose token it is, with the region
 * @throws InvalidParameterValue, InvalidPaginationToken
 */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { action, region }: Pick<RequestContext, "action" | "region">,
  input: PagedInput,
  limits: { readonly smallest?: number; readonly largest?: number } = {},
): { readonly items: readonly T[]; readonly rest: { readonly NextToken?: string } } {
  const { NextToken: token, MaxResults: size, ...asked } = input;
  const { smallest = 5, largest = LARGEST_PAGE } = limits;
  if (size !== undefined && (!Number.isInteger(size) || size < smallest)) {
    throw invalidValue(
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value greater than or equal to ${smallest}.`,
    );
  }
  // A larger page than allowed is cut, as on AWS.
  const found = pageOf(rows, keyOf, {
    question: [action, region, asked],
    token,
    size: Math.min(size ?? largest, largest),
  });
  if (found === undefined)
    throw new ServiceError("InvalidPaginationToken", `The token '${token ?? ""}' is invalid`);
  return { items: found.items, rest: found.next === undefined ? {} : { NextToken: found.next } };
}
