// The store as the parts of the control plane see it: what their transactions change in tasks, container instances, services and
// EC2 instances is told to EventBridge's rules, in the same transaction. So no step is skipped, none is told that did not happen,
// and a crash loses no event.
import type { Clock } from "#lib/clock.ts";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { ServiceRow } from "#domain/ecs/service.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { NewEvent } from "#domain/events/delivery.ts";
import {
  containerInstanceEvents,
  ec2InstanceEvents,
  serviceEvents,
  taskEvents,
} from "#domain/events/row-events.ts";
import { DEFAULT_BUS } from "#domain/events/rule.ts";
import {
  LIMITS,
  type AnyTable,
  type Reader,
  type Row,
  type Store,
  type Table,
  type Transaction,
} from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { containerInstances, services, tasks } from "#store/tables/ecs.ts";
import { type Prepared, type Publisher, put } from "./publisher.ts";

export interface TellingStoreParts {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly clock: Clock;
}

type Told = TaskRow | ContainerInstanceRow | ServiceRow | InstanceRow;
const TOLD: ReadonlySet<AnyTable> = new Set<AnyTable>([tasks, containerInstances, services, instances]);

interface Touched {
  readonly table: AnyTable;
  readonly key: string;
  readonly before: Told | undefined;
}

export function createTellingStore({ store, publisher, clock }: TellingStoreParts): Store {
  const eventsOf = (tx: Reader, touched: readonly Touched[]): readonly NewEvent[] =>
    touched.flatMap(({ table, key, before }) => {
      const after = tx.get(table as unknown as Table<Told>, key);
      if (after === undefined || after === before) return [];
      return publisher.match.isAsked(tx, after.region, DEFAULT_BUS)
        ? derive(tx, table, before, after, clock.now())
        : [];
    });

  return {
    ...methodsOf(store),
    get durableCommits() {
      return store.durableCommits;
    },
    async transact(change) {
      let late: readonly Prepared[] = [];
      const result = await store.transact((tx) => {
        const touched = new Map<string, Touched>();
        const rows = new Map<string, Row | undefined>();
        const note = (table: AnyTable, key: string, row: Row | undefined) => {
          const id = `${table.name}/${key}`;
          if (TOLD.has(table) && !touched.has(id))
            touched.set(id, { table, key, before: tx.get(table as unknown as Table<Told>, key) });
          rows.set(id, row);
        };
        const noting: Transaction = {
          ...tx,
          put(table, key, row) {
            note(table, key, row);
            tx.put(table, key, row);
          },
          delete(table, key) {
            note(table, key, undefined);
            tx.delete(table, key);
          },
        };
        const value = change(noting);
        if (touched.size === 0) return value;
        const prepared = publisher.prepare(tx, eventsOf(tx, [...touched.values()]));
        if (prepared.length === 0) return value;
        // A transaction near the store's limits is not made to fail by its events: they follow it.
        if (fits(rows, prepared)) for (const row of prepared) put(tx, row);
        else late = prepared;
        return value;
      });
      for (const row of late) await store.transact((tx) => put(tx, row));
      return result;
    },
  };
}

/** The store's own methods, bound: it may be an object of any kind. */
const methodsOf = (store: Store): Omit<Store, "transact" | "durableCommits"> => ({
  get: (table, key) => store.get(table, key),
  scan: (table, options) => store.scan(table, options),
  find: (table, index, value) => store.find(table, index, value),
  snapshotAndWatch: (tables, options) => store.snapshotAndWatch(tables, options),
  close: () => store.close(),
});

function fits(rows: ReadonlyMap<string, Row | undefined>, prepared: readonly Prepared[]): boolean {
  if (rows.size + prepared.length > LIMITS.writesPerTransaction) return false;
  let bytes = prepared.reduce((sum, row) => sum + row.bytes + LIMITS.bytesPerKey, 0);
  for (const [id, row] of rows)
    bytes += id.length + (row === undefined ? 0 : Buffer.byteLength(JSON.stringify(row)));
  return bytes <= LIMITS.bytesPerTransaction;
}

function derive(
  tx: Reader,
  table: AnyTable,
  before: Told | undefined,
  after: Told,
  now: number,
): readonly NewEvent[] {
  if (table === (tasks as AnyTable)) {
    const task = after as TaskRow;
    const key = keyOfEcsArn(task.containerInstanceArn ?? "");
    const instance = key === undefined ? undefined : tx.get(containerInstances, key);
    return taskEvents(before as TaskRow | undefined, task, instance, now);
  }
  if (table === (containerInstances as AnyTable)) {
    const instance = after as ContainerInstanceRow;
    const present = () => tx.find(tasks, "activeOnInstance", instance.arn).map(([, task]) => task);
    return containerInstanceEvents(before as ContainerInstanceRow | undefined, instance, present, now);
  }
  if (table === (services as AnyTable))
    return serviceEvents(before as ServiceRow | undefined, after as ServiceRow, now);
  return ec2InstanceEvents(before as InstanceRow | undefined, after as InstanceRow, now);
}
