// Spot requests: made, described, cancelled. Each is fulfilled at once, by an instance of its own; what an interruption does is
// the instance controller's. There is no price history, for there are no prices.
import { ec2Key } from "#domain/ec2/instance.ts";
import { cancelSpotRequest } from "#domain/ec2/spot.ts";
import type { Reader } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, invalidCombination, notFound } from "../errors.ts";
import { filterRows } from "../filters.ts";
import { page } from "../paging.ts";
import { showSpotRequest, spotFields, spotStatus, type SpotRow } from "../show-spot-request.ts";
import { asRunInstances } from "../spot-request.ts";
import { launchInstances } from "./run-instances.ts";

/** Rows of one transaction: a row with user data has some 24 KiB. */
const BATCH = 40;

export function spotOperations(deps: Ec2Dependencies) {
  const { store, clock } = deps;
  return {
    async RequestSpotInstances(input, { region }) {
      const rows = await launchInstances(deps, region, asRunInstances(input));
      return { SpotInstanceRequests: rows.filter(isSpot).map(showSpotRequest) };
    },

    DescribeSpotInstanceRequests(input, context) {
      const ids = input.SpotInstanceRequestIds ?? [];
      if (input.MaxResults !== undefined && ids.length > 0)
        throw invalidCombination(
          "The parameter spotInstanceRequestIds cannot be used with the parameter maxResults",
        );
      const rows = filterRows(requests(store, context.region, ids), input.Filters, spotFields, () => ({}));
      const { items, rest } = page(rows, (row) => row.spot.requestId, context, input);
      return { SpotInstanceRequests: items.map(showSpotRequest), ...rest };
    },

    /** The instances run on, as on EC2. */
    async CancelSpotInstanceRequests(input, { region }) {
      const ids = [...new Set((input.SpotInstanceRequestIds ?? []).map((id) => checkId("spot-request", id)))];
      if (ids.length > 0) requests(store, region, ids);
      const cancelled: SpotRow[] = [];
      for (let at = 0; at < ids.length; at += BATCH) {
        const batch = ids.slice(at, at + BATCH);
        const changed = await store.transact((tx) =>
          requests(tx, region, batch).map((before) => {
            const after = cancelSpotRequest(before, clock.now());
            if (after !== before) tx.put(instances, ec2Key(region, after.id), after);
            return after;
          }),
        );
        cancelled.push(...changed.filter(isSpot));
      }
      return {
        CancelledSpotInstanceRequests: cancelled.map((row) => ({
          SpotInstanceRequestId: row.spot.requestId,
          State: spotStatus(row).state,
        })),
      };
    },
  } satisfies Ec2Operations;
}

const isSpot = <R extends { readonly spot?: SpotRow["spot"] }>(row: R): row is R & SpotRow =>
  row.spot !== undefined;

/** The requests named, or all of the region. @throws InvalidSpotInstanceRequestID.Malformed, …NotFound naming every missing one */
function requests(reader: Reader, region: string, ids: readonly string[]): readonly SpotRow[] {
  if (ids.length === 0)
    return Array.from(reader.scan(instances, { prefix: `${region}/` }), ([, row]) => row).filter(isSpot);
  const found = [...new Set(ids)].map((id) => {
    checkId("spot-request", id);
    return [id, reader.find(instances, "spotRequest", `${region}/${id}`)[0]?.[1]] as const;
  });
  const missing = found.flatMap(([id, row]) => (row === undefined ? [id] : []));
  if (missing.length > 0) throw notFound("spot-request", missing);
  return found.flatMap(([, row]) => (row !== undefined && isSpot(row) ? [row] : []));
}
