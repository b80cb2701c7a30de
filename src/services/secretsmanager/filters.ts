// Filters of ListSecrets and BatchGetSecretValue (API reference, "Filter"): beginnings of words, negated by `!`.
import type { Filter } from "@aws-sdk/client-secrets-manager";
import type { SecretRow } from "#domain/secretsmanager/secret.ts";
import { constraint, invalidParameter, notImplemented } from "./errors.ts";

const KEYS = ["all", "description", "name", "owning-service", "primary-region", "tag-key", "tag-value"];
const MOST_FILTERS = 10;

export interface SecretFilter {
  readonly key: string;
  readonly values: readonly { readonly text: string; readonly isNegated: boolean }[];
}

/** @throws ValidationException, InvalidParameterException */
export function readFilters(given: readonly Filter[] | undefined): readonly SecretFilter[] {
  if ((given ?? []).length > MOST_FILTERS)
    throw constraint("filters", "filters", `Member must have length less than or equal to ${MOST_FILTERS}`);
  return (given ?? []).map(({ Key: key = "", Values: values = [] }) => {
    if (!KEYS.includes(key))
      throw constraint(key, "filters.member.key", `Member must satisfy enum value set: [${KEYS.join(", ")}]`);
    if (key === "owning-service" || key === "primary-region") throw notImplemented(`The filter ${key}`);
    if (values.length === 0 || values.length > 10)
      throw invalidParameter("You must specify between 1 and 10 values for each filter.");
    return {
      key,
      values: values.map((value) => ({ text: value.replace(/^!/, ""), isNegated: value.startsWith("!") })),
    };
  });
}

/** Values of one filter are alternatives; filters all hold. */
export const matchesAll = (filters: readonly SecretFilter[], row: SecretRow): boolean =>
  filters.every(({ key, values }) =>
    values.some(({ text, isNegated }) => matches(key, text, row) !== isNegated),
  );

function matches(key: string, text: string, row: SecretRow): boolean {
  switch (key) {
    case "name":
      return row.name.startsWith(text);
    case "description":
      return wordsBegin([row.description ?? ""], text);
    case "tag-key":
      return Object.keys(row.tags).some((tag) => tag.startsWith(text));
    case "tag-value":
      return Object.values(row.tags).some((value) => value.startsWith(text));
    default:
      return wordsBegin(
        [row.name, row.description ?? "", ...Object.keys(row.tags), ...Object.values(row.tags)],
        text,
      );
  }
}

/** Each word of the filter begins one of the texts' words, whatever its case. */
function wordsBegin(texts: readonly string[], filter: string): boolean {
  const words = texts
    .flatMap((text) => [text, ...text.split(/[\s/_+=.@-]+/)])
    .map((word) => word.toLowerCase());
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((asked) => words.some((word) => word.startsWith(asked)));
}
