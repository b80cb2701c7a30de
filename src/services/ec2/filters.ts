// The Filters of Describe calls: values of one filter are alternatives, filters must all hold, `*` and `?` are wildcards
// (EC2 User Guide, "List and filter your resources"). A filter that Estiba does not know is refused by name.
import type { Filter } from "@aws-sdk/client-ec2";
import type { Tags } from "#domain/tags.ts";
import { invalidValue } from "./errors.ts";
import { wildcard } from "./wildcard.ts";

/** Filter name → the row's values under that name. A row without a value matches nothing. */
export type Fields<R> = Readonly<
  Record<string, (row: R) => string | number | boolean | undefined | readonly string[]>
>;

/** @throws InvalidParameterValue when a filter's name is unknown */
export function filterRows<R>(
  rows: readonly R[],
  filters: readonly Filter[] | undefined,
  fields: Fields<R>,
  tagsOf?: (row: R) => Tags,
): readonly R[] {
  const tests = (filters ?? []).map((filter) => compile(filter, fields, tagsOf));
  return rows.filter((row) => tests.every((test) => test(row)));
}

function compile<R>(
  { Name: name = "", Values: values }: Filter,
  fields: Fields<R>,
  tagsOf: ((row: R) => Tags) | undefined,
): (row: R) => boolean {
  const patterns = (values ?? []).map(wildcard);
  const matches = (text: string) => patterns.some((pattern) => pattern(text));
  if (tagsOf !== undefined && name.startsWith("tag:")) {
    const key = name.slice("tag:".length);
    return (row) => {
      const tags = tagsOf(row);
      return Object.hasOwn(tags, key) && matches(tags[key] ?? "");
    };
  }
  if (tagsOf !== undefined && name === "tag-key") return (row) => Object.keys(tagsOf(row)).some(matches);
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) throw invalidValue(`The filter '${name}' is invalid`);
  return (row) => {
    const value = field(row);
    if (value === undefined) return false;
    return typeof value === "object" ? value.some(matches) : matches(String(value));
  };
}
