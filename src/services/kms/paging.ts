// Marker, Limit, Truncated and NextMarker.
import { ServiceError } from "#lib/errors.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { pageOf } from "../page.ts";
import { inRange } from "./constraints.ts";

interface PagedInput {
  readonly Marker?: string | undefined;
  readonly Limit?: number | undefined;
}

/** @throws ValidationException, InvalidMarkerException */
export function page<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  { action, region }: Pick<RequestContext, "action" | "region">,
  {
    input: { Marker: token, Limit: limit, ...asked },
    usual,
    most,
  }: { readonly input: PagedInput; readonly usual: number; readonly most: number },
): { readonly items: readonly T[]; readonly rest: { Truncated: boolean; NextMarker?: string } } {
  const size = limit === undefined ? usual : inRange(limit, "limit", 1, most);
  const found = pageOf(rows, keyOf, { question: [action, region, asked], token, size });
  if (found === undefined)
    throw new ServiceError(
      "InvalidMarkerException",
      "The request was rejected because the marker is not valid.",
    );
  return {
    items: found.items,
    rest: found.next === undefined ? { Truncated: false } : { Truncated: true, NextMarker: found.next },
  };
}
