// Rules with a schedule: when one is due, its event is stored together with the due time, in one transaction, so that no due time
// makes two events. Due times that passed while no server ran are not made up for, but for the latest of the last minute.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { RuleRow } from "#domain/events/rule.ts";
import { dueAfter, readSchedule } from "#domain/events/schedule.ts";
import { isChangeOf, type Reader, type Store, type Watch } from "#store/store.ts";
import { rules, scheduleRuns } from "#store/tables/events.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { type Publisher, put } from "./publisher.ts";

export interface ScheduleControllerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly publisher: Publisher;
}

/** As late as this a due time still fires. */
export const LATEST_MS = 60_000;

export function createScheduleController(parts: ScheduleControllerParts): Controller {
  const { store, clock, random, logger, publisher } = parts;
  let watch: Watch | undefined;

  const queue = createWorkQueue({
    clock,
    random,
    logger,
    async handle(key) {
      const next = await store.transact((tx) => {
        const rule = tx.get(rules, key);
        const now = clock.now();
        if (rule === undefined) return void tx.delete(scheduleRuns, key);
        const due = dueNow(tx, key, rule, now);
        if (due !== undefined) {
          tx.put(scheduleRuns, key, { lastDue: due });
          if (rule.targets.length > 0)
            put(tx, publisher.prepareFor(scheduledEvent(rule, due), deliveriesOf(key, rule)));
        }
        return nextDue(tx, key, rule, now);
      });
      queue.addAt(key, next);
    },
  });

  return {
    async start() {
      const onChange = () => {
        for (const change of watch?.take() ?? [])
          if (isChangeOf(change, rules) && (change.row === undefined || change.row.schedule !== undefined))
            queue.add(change.key);
      };
      watch = store.snapshotAndWatch([rules], { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

/** The newest due time that has come and was not used, if it is not too long past. */
function dueNow(reader: Reader, key: string, rule: RuleRow, now: number): number | undefined {
  let newest: number | undefined;
  // At most a minute's worth, and nothing is due twice a minute.
  for (let time = laterOf(reader, key, rule, now - LATEST_MS); ;) {
    const due = next(rule, time);
    if (due === undefined || due > now) return newest;
    newest = time = due;
  }
}

const nextDue = (reader: Reader, key: string, rule: RuleRow, now: number): number | undefined =>
  next(rule, laterOf(reader, key, rule, now));

/** `time`, or the last due time that was used if that is later: a clock that steps back repeats nothing. */
const laterOf = (reader: Reader, key: string, { scheduledSince }: RuleRow, time: number): number =>
  Math.max(time, scheduledSince, reader.get(scheduleRuns, key)?.lastDue ?? 0);

function next(rule: RuleRow, time: number): number | undefined {
  const schedule =
    rule.state === "ENABLED" && rule.schedule !== undefined ? readSchedule(rule.schedule) : undefined;
  return schedule === undefined ? undefined : dueAfter(schedule, rule.scheduledSince, time);
}

const deliveriesOf = (ruleKey: string, { targets }: RuleRow) =>
  targets.map(({ id }) => ({ ruleKey, targetId: id, failures: 0 }));

const scheduledEvent = (rule: RuleRow, due: number) => ({
  source: "aws.events",
  detailType: "Scheduled Event",
  region: rule.region,
  resources: [rule.arn],
  detail: {},
  time: due,
  subject: rule.arn,
});
