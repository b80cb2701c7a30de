// Rules: what events or times they are for. Their targets stand in targets.ts.
import type { PutRuleRequest } from "@aws-sdk/client-eventbridge";
import { DEFAULT_BUS, ruleArn, ruleKey, setRuleState, type RuleRow } from "#domain/events/rule.ts";
import { readSchedule } from "#domain/events/schedule.ts";
import { rules } from "#store/tables/events.ts";
import { checkDescription, checkLength, checkName, honourOnly, readTags } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { checkPattern, limitExceeded, notImplemented, validationError } from "../errors.ts";
import { busNameOf, busOf, listed, ruleOf } from "../lookup.ts";

/** EventBridge quotas, "Rules". */
const MOST_RULES = 300;

export function ruleOperations({ store, clock }: EventsDependencies) {
  const setState =
    (state: RuleRow["state"]): NonNullable<EventsOperations["EnableRule"]> =>
    async (input, context) => {
      await store.transact((tx) => {
        const { key, rule } = ruleOf(tx, context, input.EventBusName, input.Name);
        tx.put(rules, key, setRuleState(rule, state, clock.now()));
      });
      return {};
    };

  return {
    /** A rule that is there is replaced; its targets and tags stay. */
    async PutRule(input, context) {
      const { region, account, principal } = context;
      const wanted = readRule(input);
      const name = checkName(input.Name, "name");
      const tags = readTags(input.Tags);
      const arn = await store.transact((tx) => {
        const busName = busOf(tx, context, input.EventBusName);
        if (wanted.schedule !== undefined && busName !== DEFAULT_BUS)
          throw validationError("ScheduleExpression is supported only on the default event bus.");
        const key = ruleKey(region, busName, name);
        const before = tx.get(rules, key);
        if (before === undefined) {
          let count = 0;
          for (const _ of tx.scan(rules, { prefix: ruleKey(region, busName, "") })) count += 1;
          if (count >= MOST_RULES)
            throw limitExceeded("The requested resource exceeds the maximum number allowed.");
        }
        const now = clock.now();
        const isScheduledAnew =
          before?.schedule !== wanted.schedule || (before?.state !== "ENABLED" && wanted.state === "ENABLED");
        const row: RuleRow = {
          ...wanted,
          arn: ruleArn(region, account, busName, name),
          name,
          region,
          account,
          busName,
          scheduledSince: before === undefined || isScheduledAnew ? now : before.scheduledSince,
          createdBy: before?.createdBy ?? principal.account,
          targets: before?.targets ?? [],
          tags: before?.tags ?? tags,
        };
        tx.put(rules, key, row);
        return row.arn;
      });
      return { RuleArn: arn };
    },

    DescribeRule(input, context) {
      const { rule } = ruleOf(store, context, input.EventBusName, input.Name);
      return { ...showRule(rule), CreatedBy: rule.createdBy };
    },

    ListRules(input, context) {
      const { region } = context;
      const busName = busOf(store, context, input.EventBusName);
      const prefix = input.NamePrefix === undefined ? "" : checkName(input.NamePrefix, "namePrefix");
      const rows = Array.from(
        store.scan(rules, { prefix: ruleKey(region, busName, prefix) }),
        ([, row]) => row,
      );
      const { items, more } = listed(rows, (row) => row.name, ["ListRules", region, busName, prefix], input);
      return { Rules: items.map(showRule), ...more };
    },

    EnableRule: setState("ENABLED"),
    DisableRule: setState("DISABLED"),

    /** A rule that is not there is no error. */
    async DeleteRule(input, context) {
      const name = checkName(input.Name, "name");
      await store.transact((tx) => {
        const key = ruleKey(context.region, busOf(tx, context, input.EventBusName), name);
        const targets = tx.get(rules, key)?.targets ?? [];
        if (targets.length > 0) throw validationError("Rule can't be deleted since it has targets.");
        tx.delete(rules, key);
      });
      return {};
    },

    ListRuleNamesByTarget(input, context) {
      const { region } = context;
      const arn = checkLength(input.TargetArn ?? "", "targetArn", 1, 1600);
      const busName = busNameOf(context, input.EventBusName);
      const rows = store
        .find(rules, "target", arn)
        .map(([, row]) => row)
        .filter((row) => row.region === region && row.busName === busName);
      const question = ["ListRuleNamesByTarget", region, busName, arn];
      const { items, more } = listed(rows, (row) => row.name, question, input);
      return { RuleNames: items.map(({ name }) => name), ...more };
    },
  } satisfies EventsOperations;
}

/** @throws ValidationException, InvalidEventPatternException */
function readRule(input: PutRuleRequest): Pick<RuleRow, "state" | "description" | "pattern" | "schedule"> {
  honourOnly(input, [
    "Name",
    "ScheduleExpression",
    "EventPattern",
    "State",
    "Description",
    "Tags",
    "EventBusName",
  ]);
  const { EventPattern: pattern = "", ScheduleExpression: schedule = "", State: state = "ENABLED" } = input;
  if (pattern === "" && schedule === "")
    throw validationError("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  if (pattern !== "") checkPattern(pattern);
  if (schedule !== "" && readSchedule(schedule) === undefined)
    throw validationError("Parameter ScheduleExpression is not valid.");
  if (state !== "ENABLED" && state !== "DISABLED") throw notImplemented(`The rule state ${state}`);
  return {
    state,
    ...checkDescription(input.Description),
    ...(pattern === "" ? {} : { pattern }),
    ...(schedule === "" ? {} : { schedule }),
  };
}

const showRule = (row: RuleRow) => ({
  Name: row.name,
  Arn: row.arn,
  ...(row.pattern === undefined ? {} : { EventPattern: row.pattern }),
  ...(row.schedule === undefined ? {} : { ScheduleExpression: row.schedule }),
  State: row.state,
  ...(row.description === undefined ? {} : { Description: row.description }),
  EventBusName: row.busName,
});
