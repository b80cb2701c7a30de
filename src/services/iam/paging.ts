// Marker, MaxItems and IsTruncated.
import type { RequestContext } from "#gateway/service-definition.ts";
import { pageOf } from "../page.ts";
import { inRange } from "./constraints.ts";
import { validationError } from "./errors.ts";

const DEFAULT_PAGE = 100;

interface PagedInput {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

/** @throws ValidationError */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { action }: Pick<RequestContext, "action">,
  { Marker: token, MaxItems: size, ...asked }: PagedInput,
): { readonly items: readonly T[]; readonly rest: { IsTruncated: boolean; Marker?: string } } {
  const found = pageOf(rows, keyOf, {
    question: [action, asked],
    token,
    size: size === undefined ? DEFAULT_PAGE : inRange(size, "maxItems", 1, 1000),
  });
  if (found === undefined) throw validationError(`Invalid Marker: '${token ?? ""}'`);
  return {
    items: found.items,
    rest: found.next === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: found.next },
  };
}
