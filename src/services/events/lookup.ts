// Buses and rules by what a caller names: a bus by its name or ARN, `default` when none is named.
import { parseArn } from "#lib/arn.ts";
import { busArn, busKey, DEFAULT_BUS, ruleKey, type EventBusRow, type RuleRow } from "#domain/events/rule.ts";
import type { CallScope } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { eventBuses, rules } from "#store/tables/events.ts";
import { pageOf } from "../page.ts";
import { checkLength, checkName, checkRange } from "./constraints.ts";
import { notFound, notImplemented, ruleNotFound, validationError } from "./errors.ts";

/** The bus's name, whether there is such a bus or not. @throws ValidationException for another account's or region's */
export function busNameOf({ region, account }: CallScope, given: string | undefined): string {
  if (given === undefined) return DEFAULT_BUS;
  const arn = given.startsWith("arn:") ? parseArn(checkLength(given, "eventBusName", 1, 1600)) : undefined;
  if (arn === undefined) return checkName(given, "eventBusName", 256);
  const name = checkName(/^event-bus\/(.*)$/.exec(arn.resource)?.[1], "eventBusName", 256);
  if (arn.account !== account || arn.region !== region)
    throw notImplemented("An event bus of another account or region");
  return name;
}

/** @throws ResourceNotFoundException, ValidationException */
export function busOf(reader: Reader, scope: CallScope, given: string | undefined): string {
  const name = busNameOf(scope, given);
  if (name !== DEFAULT_BUS && findBus(reader, scope, name) === undefined) throw notFound(`Event bus ${name}`);
  return name;
}

/** The default bus is always there and is no row. */
export function findBus(
  reader: Reader,
  { region, account }: CallScope,
  name: string,
): EventBusRow | undefined {
  if (name !== DEFAULT_BUS) return reader.get(eventBuses, busKey(region, name));
  const arn = busArn(region, account, name);
  return { arn, name, region, createdAt: 0, updatedAt: 0, tags: {} };
}

export interface FoundRule {
  readonly key: string;
  readonly rule: RuleRow;
}

/** @throws ResourceNotFoundException, ValidationException */
export function ruleOf(
  reader: Reader,
  scope: CallScope,
  busGiven: string | undefined,
  nameGiven: string | undefined,
  member = "name",
): FoundRule {
  const name = checkName(nameGiven, member);
  const busName = busOf(reader, scope, busGiven);
  const key = ruleKey(scope.region, busName, name);
  const rule = reader.get(rules, key);
  if (rule === undefined) throw ruleNotFound(name, busName);
  return { key, rule };
}

/** A page of a list by `Limit` and `NextToken`. @throws ValidationException */
export function listed<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  question: readonly unknown[],
  input: { readonly NextToken?: string | undefined; readonly Limit?: number | undefined },
): { readonly items: readonly T[]; readonly more: { readonly NextToken?: string } } {
  const size = checkRange(input.Limit ?? 100, "limit", 1, 100);
  const page = pageOf(rows, keyOf, { question, token: input.NextToken, size });
  if (page === undefined) throw validationError("The value of parameter NextToken is not valid.");
  return { items: page.items, more: page.next === undefined ? {} : { NextToken: page.next } };
}
