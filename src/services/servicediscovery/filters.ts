// The filters of listings: names, conditions and values, and what they let through.
import type { FilterCondition } from "@aws-sdk/client-servicediscovery";
import { oneOf } from "./constraints.ts";
import { invalidInput } from "./errors.ts";

interface Filter {
  readonly Name?: string | undefined;
  readonly Values?: readonly string[] | undefined;
  readonly Condition?: FilterCondition | undefined;
}

/** By a filter's name: the conditions that it knows besides EQ, and the value of a row that it looks at. */
export type FilterRules<T> = Readonly<
  Record<string, { readonly conditions?: readonly FilterCondition[]; readonly of: (row: T) => string }>
>;

/** Rows that all filters let through. @throws InvalidInput */
export function filtered<T>(
  rows: readonly T[],
  filters: readonly Filter[] | undefined,
  rules: FilterRules<T>,
): readonly T[] {
  const tests = (filters ?? []).map((filter) => testOf(filter, rules));
  return rows.filter((row) => tests.every((test) => test(row)));
}

function testOf<T>(
  { Name: name = "", Values: values = [], Condition: condition = "EQ" }: Filter,
  rules: FilterRules<T>,
) {
  const known = oneOf(name, "filters.member.name", Object.keys(rules));
  const rule = rules[known];
  if (rule === undefined || !["EQ", ...(rule.conditions ?? [])].includes(condition))
    throw invalidInput(`The condition ${condition} is not supported for the filter ${name}.`);
  const [first = "", second = ""] = values;
  const needed = condition === "BETWEEN" ? 2 : 1;
  if (values.length < needed || (condition !== "IN" && values.length > needed))
    throw invalidInput(`The condition ${condition} takes ${needed === 1 ? "one value" : "two values"}.`);
  return (row: T): boolean => {
    const value = rule.of(row);
    switch (condition) {
      case "EQ":
        return value === first;
      case "IN":
        return values.includes(value);
      case "BEGINS_WITH":
        return value.startsWith(first);
      case "BETWEEN":
        return Number(value) >= Number(first) && Number(value) <= Number(second);
    }
  };
}
