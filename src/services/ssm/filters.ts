// Filters of DescribeParameters and GetParametersByPath: which keys and options there are, and what they match.
import type { ParametersFilter, ParameterStringFilter } from "@aws-sdk/client-ssm";
import { ServiceError } from "#lib/errors.ts";
import type { ParameterRow, ParameterVersionRow } from "#domain/ssm/parameter.ts";
import { validation } from "./errors.ts";

export interface Filter {
  readonly key: string;
  readonly option: string;
  readonly values: readonly string[];
}

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  Name: ["Equals", "BeginsWith", "Contains"],
  Path: ["Recursive", "OneLevel"],
  Type: ["Equals", "BeginsWith"],
  KeyId: ["Equals", "BeginsWith"],
  Tier: ["Equals", "BeginsWith"],
  DataType: ["Equals", "BeginsWith"],
  Label: ["Equals"],
};
const OF_PATHS = ["Type", "KeyId", "Label"];
const OF_DESCRIPTIONS = ["Path", "Name", "Type", "KeyId", "Tier", "DataType"];
const MOST_VALUES = 50;

/** @throws InvalidFilterKey, InvalidFilterOption, InvalidFilterValue */
export const readPathFilters = (given: readonly ParameterStringFilter[] | undefined): readonly Filter[] =>
  readFilters(given ?? [], OF_PATHS, false);

/** @throws InvalidFilterKey, InvalidFilterOption, InvalidFilterValue, ValidationException */
export function readDescriptionFilters(
  given: readonly ParameterStringFilter[] | undefined,
  older: readonly ParametersFilter[] | undefined,
): readonly Filter[] {
  if ((given ?? []).length > 0 && (older ?? []).length > 0)
    throw validation("You can use either Filters or ParameterFilters in a single request.");
  if (older === undefined || older.length === 0) return readFilters(given ?? [], OF_DESCRIPTIONS, true);
  // The older filters match names by their beginning.
  const asNew = older.map(({ Key, Values }) => ({
    Key,
    Values,
    Option: Key === "Name" ? "BeginsWith" : "Equals",
  }));
  return readFilters(asNew, ["Name", "Type", "KeyId"], false);
}

function readFilters(
  given: readonly ParameterStringFilter[],
  keys: readonly string[],
  withTags: boolean,
): readonly Filter[] {
  const seen = new Set<string>();
  return given.map(({ Key: key = "", Option: given, Values: values = [] }) => {
    const isTag = withTags && key.startsWith("tag:");
    if (!isTag && !keys.includes(key))
      throw new ServiceError(
        "InvalidFilterKey",
        `The following filter key is not valid: ${key}. Valid filter keys include: [${keys.join(", ")}${withTags ? ", tag:<key>" : ""}].`,
      );
    if (seen.has(key))
      throw new ServiceError(
        "InvalidFilterKey",
        "The following filters are duplicated in the request: a request can contain only unique filters.",
      );
    seen.add(key);
    const option = given ?? (key === "Path" ? "OneLevel" : "Equals");
    const options = isTag ? ["Equals"] : (OPTIONS[key] ?? []);
    if (!options.includes(option))
      throw new ServiceError(
        "InvalidFilterOption",
        `The following filter option is not valid: ${option}. Valid options include: [${options.join(", ")}].`,
      );
    if ((values.length === 0 && !isTag) || values.length > MOST_VALUES)
      throw new ServiceError(
        "InvalidFilterValue",
        `The following filter has ${values.length} values: ${key}. It must have between 1 and ${MOST_VALUES}.`,
      );
    checkValues(key, values);
    return { key, option, values };
  });
}

function checkValues(key: string, values: readonly string[]): void {
  const allowed = { Type: ["String", "StringList", "SecureString"], Tier: ["Standard", "Advanced"] }[key];
  for (const value of values) {
    if (key === "Path" && !/^\/[\w./-]*$/.test(value))
      throw validation(`The parameter doesn't meet the parameter name requirements: ${value}`);
    if (allowed !== undefined && !allowed.some((one) => one.startsWith(value)))
      throw new ServiceError("InvalidFilterValue", `The following filter value is not valid: ${value}.`);
  }
}

/** Values of one filter are alternatives; filters all hold. */
export const matchesAll = (
  filters: readonly Filter[],
  row: ParameterRow,
  version: ParameterVersionRow,
): boolean => filters.every((filter) => matches(filter, row, version));

function matches({ key, option, values }: Filter, row: ParameterRow, version: ParameterVersionRow): boolean {
  if (key.startsWith("tag:")) {
    const tag = key.slice("tag:".length);
    const value = Object.hasOwn(row.tags, tag) ? row.tags[tag] : undefined;
    return value !== undefined && (values.length === 0 || values.includes(value));
  }
  if (key === "Label") return values.some((value) => Object.hasOwn(row.labels, value));
  if (key === "Path") return values.some((path) => isBelow(row.name, path, option));
  const has = {
    Name: row.name,
    Type: version.type,
    KeyId: version.keyId,
    Tier: version.tier,
    DataType: version.dataType,
  }[key];
  if (has === undefined) return false;
  return values.some((value) => {
    if (option === "BeginsWith") return has.startsWith(value);
    if (option === "Contains") return has.includes(value);
    return has === value;
  });
}

function isBelow(name: string, path: string, option: string): boolean {
  const prefix = path.endsWith("/") ? path : `${path}/`;
  const full = name.startsWith("/") ? name : `/${name}`;
  return full.startsWith(prefix) && (option === "Recursive" || !full.slice(prefix.length).includes("/"));
}
