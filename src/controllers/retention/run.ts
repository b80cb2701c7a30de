// Forgets what is kept for a while only: stopped tasks and terminated EC2 instances after an hour, targets past the display of
// their draining, service events beyond the newest hundred. One timer for the earliest expiry; nothing is written before.
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { messageOf } from "#lib/errors.ts";
import { type InstanceRow, TERMINATED_INSTANCE_RETENTION_MS } from "#domain/ec2/instance.ts";
import { SERVICE_EVENTS_KEPT } from "#domain/ecs/service.ts";
import { STOPPED_TASK_RETENTION_MS, type TaskRow } from "#domain/ecs/task.ts";
import type { TargetRow } from "#domain/elbv2/target.ts";
import { isChangeOf, type Row, type Store, type Table, type Watch } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { serviceEvents, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { type Expiry, ExpiryHeap } from "./expiry-heap.ts";

export interface RetentionDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Rule {
  readonly table: Table<Row>;
  /** Epoch milliseconds; undefined while the row is to be kept. */
  readonly expiresAt: (row: Row) => number | undefined;
}
const rule = <R extends Row>(table: Table<R>, expiresAt: (row: R) => number | undefined): Rule =>
  ({ table, expiresAt }) as unknown as Rule;

const RULES: readonly Rule[] = [
  rule(tasks, (t: TaskRow) =>
    t.lastStatus === "STOPPED" && t.stoppedAt !== undefined
      ? t.stoppedAt + STOPPED_TASK_RETENTION_MS
      : undefined,
  ),
  rule(instances, (i: InstanceRow) =>
    i.state === "terminated" && i.terminatedAt !== undefined
      ? i.terminatedAt + TERMINATED_INSTANCE_RETENTION_MS
      : undefined,
  ),
  rule(targets, (t: TargetRow) => (t.lifecycle === "removed" ? t.drainingUntil : undefined)),
];
const ROWS_PER_TRANSACTION = 90;
const RETRY_MS = 30_000;

export function createRetentionController({ store, clock, logger }: RetentionDependencies): Controller {
  const heap = new ExpiryHeap();
  const events = new Map<string, string[]>();
  const superfluous: string[] = [];
  let watch: Watch | undefined;
  let timer: { readonly at: number; readonly timer: Timer } | undefined;
  let sweeping: Promise<void> | undefined;
  let isClosed = false;

  const onChange = () => {
    for (const change of watch?.take() ?? []) {
      if (isChangeOf(change, serviceEvents)) {
        if (change.row !== undefined) countEvent(change.key);
        continue;
      }
      const found = RULES.find((r) => r.table === change.table);
      const at = change.row === undefined ? undefined : found?.expiresAt(change.row);
      if (at !== undefined) heap.push({ at, kind: change.table.name, key: change.key });
    }
    arm();
  };
  const countEvent = (key: string) => {
    const service = key.slice(0, key.lastIndexOf("/"));
    const keys = events.get(service) ?? [];
    events.set(service, keys);
    keys.push(key);
    if (keys.length <= SERVICE_EVENTS_KEPT) return;
    keys.sort();
    superfluous.push(...keys.splice(0, keys.length - SERVICE_EVENTS_KEPT));
  };
  const arm = () => {
    const due = superfluous.length > 0 ? clock.now() : heap.next?.at;
    if (isClosed || sweeping !== undefined || due === undefined) return;
    if (due <= clock.now()) {
      timer?.timer.cancel();
      timer = undefined;
      sweep();
    } else if (timer === undefined || due < timer.at) {
      timer?.timer.cancel();
      timer = { at: due, timer: clock.after(due - clock.now(), onTimer) };
    }
  };
  const onTimer = () => {
    timer = undefined;
    arm();
  };
  const sweep = () => {
    sweeping = remove()
      .catch((error: unknown) => {
        logger.warn("expired rows could not be removed and will be tried again", {
          reason: messageOf(error),
          error,
        });
        if (!isClosed) timer ??= { at: clock.now() + RETRY_MS, timer: clock.after(RETRY_MS, onTimer) };
        return true;
      })
      .then((failed) => {
        sweeping = undefined;
        if (failed !== true) arm();
      });
  };

  const remove = async () => {
    const now = clock.now();
    const due: Expiry[] = [];
    while (due.length < ROWS_PER_TRANSACTION && (heap.next?.at ?? Infinity) <= now)
      due.push(heap.pop() as Expiry);
    const dropped = superfluous.splice(0, ROWS_PER_TRANSACTION - due.length);
    try {
      await store.transact((tx) => {
        for (const key of dropped) tx.delete(serviceEvents, key);
        for (const { kind, key } of due) {
          const found = RULES.find((r) => r.table.name === kind);
          const row = found && tx.get(found.table, key);
          if (found === undefined || row === undefined) continue;
          const at = found.expiresAt(row);
          if (at !== undefined && at <= now) tx.delete(found.table, key);
        }
      });
    } catch (error) {
      for (const entry of due) heap.push(entry);
      superfluous.push(...dropped);
      throw error;
    }
  };

  return {
    async start() {
      watch = store.snapshotAndWatch([tasks, instances, targets, serviceEvents], { notify: onChange });
    },
    async close() {
      isClosed = true;
      watch?.close();
      timer?.timer.cancel();
      await sweeping;
    },
  };
}
