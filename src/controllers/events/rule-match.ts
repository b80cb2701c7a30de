// Which rules want an event: those of its bus that are enabled, have targets, and whose pattern matches. Patterns are read once.
import { readPattern, type EventPattern } from "#domain/events/pattern.ts";
import type { Delivery, EventEnvelope } from "#domain/events/delivery.ts";
import type { Json } from "#domain/events/json.ts";
import { busKey, type RuleRow } from "#domain/events/rule.ts";
import type { Reader } from "#store/store.ts";
import { rules } from "#store/tables/events.ts";

/** Patterns kept read. */
const MOST_KEPT = 2000;

export interface RuleMatch {
  /** Whether any rule of the bus is asked at all. */
  isAsked(reader: Reader, region: string, busName: string): boolean;
  /** A delivery for each target of each rule that wants the event. */
  deliveriesOf(reader: Reader, event: EventEnvelope, busName: string): readonly Delivery[];
}

export function createRuleMatch(): RuleMatch {
  const known = new Map<string, EventPattern>();
  const patternOf = ({ pattern = "" }: RuleRow): EventPattern => {
    const before = known.get(pattern);
    if (before !== undefined) return before;
    if (known.size >= MOST_KEPT) known.clear();
    const read = readStored(pattern);
    known.set(pattern, read);
    return read;
  };
  const asked = (reader: Reader, region: string, busName: string) =>
    reader.find(rules, "matching", busKey(region, busName));
  return {
    isAsked: (reader, region, busName) => asked(reader, region, busName).length > 0,
    deliveriesOf: (reader, event, busName) =>
      asked(reader, event.region, busName).flatMap(([ruleKey, rule]) =>
        patternOf(rule)(event as unknown as Json)
          ? rule.targets.map(({ id }) => ({ ruleKey, targetId: id, failures: 0 }))
          : [],
      ),
  };
}

/** PutRule read it before it was stored; one that a later release no longer reads matches nothing. */
function readStored(text: string): EventPattern {
  try {
    return readPattern(text);
  } catch {
    return () => false;
  }
}
