// Targets of rules.
import { MOST_TARGETS, putTargets, removeTargets } from "#domain/events/rule.ts";
import { rules } from "#store/tables/events.ts";
import { checkName, honourOnly } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { limitExceeded, validationError } from "../errors.ts";
import { listed, ruleOf } from "../lookup.ts";
import { readTarget } from "../read-target.ts";
import { showTarget } from "../show-target.ts";

export function targetOperations({ store }: EventsDependencies) {
  return {
    async PutTargets(input, context) {
      honourOnly(input, ["Rule", "EventBusName", "Targets"]);
      const given = input.Targets ?? [];
      if (given.length === 0) throw validationError("Parameter Targets must have at least one entry.");
      await store.transact((tx) => {
        const { key, rule } = ruleOf(tx, context, input.EventBusName, input.Rule, "rule");
        const targets = given.map((target) => readTarget(tx, context, target));
        const ids = new Set(targets.map(({ id }) => id));
        if (ids.size < targets.length) throw validationError("Target Ids must be unique within a request.");
        const next = putTargets(rule, targets);
        if (next.targets.length > MOST_TARGETS)
          throw limitExceeded("The requested resource exceeds the maximum number allowed.");
        tx.put(rules, key, next);
      });
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    async RemoveTargets(input, context) {
      const ids = new Set((input.Ids ?? []).map((id) => checkName(id, "ids.member")));
      await store.transact((tx) => {
        const { key, rule } = ruleOf(tx, context, input.EventBusName, input.Rule, "rule");
        tx.put(rules, key, removeTargets(rule, ids));
      });
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    ListTargetsByRule(input, context) {
      const { key, rule } = ruleOf(store, context, input.EventBusName, input.Rule, "rule");
      const { items, more } = listed(rule.targets, ({ id }) => id, ["ListTargetsByRule", key], input);
      return { Targets: items.map(showTarget), ...more };
    },
  } satisfies EventsOperations;
}
