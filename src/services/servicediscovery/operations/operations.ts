// What was done, for a day.
import { isForgotten, type OperationRow } from "#domain/servicediscovery/records.ts";
import { operations } from "#store/tables/servicediscovery.ts";
import { lengthWithin } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { noSuchOperation } from "../errors.ts";
import { filtered } from "../filters.ts";
import { page } from "../paging.ts";
import { showOperation } from "../show.ts";

export function operationOperations({ store, clock }: ServiceDiscoveryDependencies) {
  const isKnown = (row: OperationRow) => !isForgotten(row, clock.now());
  return {
    GetOperation(input, { region, account }) {
      const id = lengthWithin(input.OperationId ?? "", "operationId", 1, 255);
      const row = store
        .find(operations, "id", id)
        .map(([, found]) => found)
        .find((found) => found.region === region && isKnown(found));
      if (row === undefined || (input.OwnerAccount ?? account) !== account) throw noSuchOperation(id);
      return { Operation: showOperation(row) };
    },

    ListOperations(input, context) {
      const known = Array.from(
        store.scan(operations, { prefix: `${context.region}/` }),
        ([, row]) => row,
      ).filter(isKnown);
      const rows = filtered(known, input.Filters, {
        NAMESPACE_ID: { of: ({ namespaceId }) => namespaceId ?? "" },
        SERVICE_ID: { of: ({ serviceId }) => serviceId ?? "" },
        STATUS: { conditions: ["IN"], of: () => "SUCCESS" },
        TYPE: { conditions: ["IN"], of: ({ type }) => type },
        UPDATE_DATE: { conditions: ["BETWEEN"], of: ({ createdAt }) => String(createdAt / 1000) },
      });
      const { items, rest } = page(rows, ({ createdAt, id }) => `${createdAt}/${id}`, context, input);
      return { Operations: items.map(({ id }) => ({ Id: id, Status: "SUCCESS" as const })), ...rest };
    },
  } satisfies ServiceDiscoveryOperations;
}
