// What was done is kept as an operation that succeeded, so that a caller who waits for its end sees one; and a repeated request is
// answered with the operation of the first. Operations are forgotten after a day.
import {
  isForgotten,
  operationKey,
  type OperationRow,
  type OperationType,
} from "#domain/servicediscovery/records.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { operations } from "#store/tables/servicediscovery.ts";
import type { ServiceDiscoveryDependencies } from "./dependencies.ts";
import type { Place } from "./lookup.ts";

/** Forgotten operations removed for each new one: more than one, so that they end. */
const SWEPT_AT_ONCE = 4;

type Recorded = Pick<OperationRow, "type" | "targets" | "namespaceId" | "serviceId" | "creatorRequestId">;

export function recordOperation(
  tx: Transaction,
  { clock, random }: Pick<ServiceDiscoveryDependencies, "clock" | "random">,
  { region, account }: Place,
  recorded: Recorded,
): { readonly OperationId: string } {
  const now = clock.now();
  const id = newOperationId(random);
  const row: OperationRow = { ...recorded, id, region, account, createdAt: now };
  let swept = 0;
  for (const [key, old] of tx.scan(operations, { prefix: `${region}/` })) {
    if (swept++ >= SWEPT_AT_ONCE || !isForgotten(old, now)) break;
    tx.delete(operations, key);
  }
  tx.put(operations, operationKey(row), row);
  return { OperationId: id };
}

/** The operation that this request, sent before, was answered with. */
export function repeated(
  reader: Reader,
  { region }: Place,
  asked: { readonly type: OperationType; readonly creatorRequestId?: string; readonly target: string },
  now: number,
): OperationRow | undefined {
  const { creatorRequestId: request, type, target } = asked;
  if (request === undefined || request === "") return undefined;
  return reader
    .find(operations, "request", request)
    .map(([, row]) => row)
    .find(
      (row) =>
        row.region === region &&
        row.type === type &&
        Object.values(row.targets).includes(target) &&
        !isForgotten(row, now),
    );
}

/** 32 characters of a-z and 0-9, and a suffix of eight, as AWS's have. */
const newOperationId = (random: ServiceDiscoveryDependencies["random"]): string =>
  `${alphanumeric(random, 32)}-${alphanumeric(random, 8)}`;

/** Namespaces and services: `ns-` or `srv-` and 16 characters. */
export const newId = (prefix: "ns" | "srv", random: ServiceDiscoveryDependencies["random"]): string =>
  `${prefix}-${alphanumeric(random, 16)}`;

const alphanumeric = (random: ServiceDiscoveryDependencies["random"], length: number): string =>
  Array.from({ length }, () => random.below(36).toString(36)).join("");
