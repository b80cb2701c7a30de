// GetParameter, GetParameters and GetParametersByPath.
import type { GetParametersByPathCommandInput, Parameter } from "@aws-sdk/client-ssm";
import { ServiceError } from "#lib/errors.ts";
import type { ParameterRow, ParameterVersionRow } from "#domain/ssm/parameter.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { SsmDependencies, SsmOperations } from "../dependencies.ts";
import { constraint, notImplemented, validation } from "../errors.ts";
import { matchesAll, readPathFilters } from "../filters.ts";
import { getVersion, parametersBelow, versionOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { readName } from "../parameter-name.ts";
import { publicParameters } from "../public-parameters.ts";
import { showParameter, showPublic } from "../show.ts";
import { showValue } from "../values.ts";

const MOST_NAMES = 10;
const NOT_A_PATH =
  'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.';

export function getParameterOperations(deps: SsmDependencies) {
  const { store, clock, image } = deps;

  return {
    GetParameter: (input, context) => ({
      Parameter: read(context, input.Name ?? "", input.WithDecryption === true).shown,
    }),

    GetParameters(input, context) {
      const names = checkNames(input.Names ?? []);
      const found: Parameter[] = [];
      const invalid: string[] = [];
      for (const name of names) {
        try {
          const { shown, byArn } = read(context, name, input.WithDecryption === true);
          // Container agents match an answer with what they asked for by this name, and an ARN does not tell whether the
          // parameter's name begins with a slash: what was asked for by ARN is answered by it.
          found.push(byArn ? { ...shown, Name: shown.ARN } : shown);
        } catch (error) {
          if (!isMissing(error)) throw error;
          invalid.push(name);
        }
      }
      return { Parameters: found, InvalidParameters: invalid };
    },

    GetParametersByPath(input, context) {
      const path = checkPath(input.Path ?? "");
      const filters = readPathFilters(input.ParameterFilters);
      const options = { recursive: input.Recursive === true, now: clock.now() };
      const own = Array.from(parametersBelow(store, context, path, options), (row) => ({
        name: row.name,
        row,
      }));
      const rows = [...own, ...publicBelow(context, path, input)].filter(
        (entry) => !("row" in entry) || matchesAll(filters, entry.row, latest(entry.row)),
      );
      const { items, rest } = page(rows, ({ name }) => name, context, { input, most: MOST_NAMES });
      const label = filters.find(({ key }) => key === "Label")?.values[0];
      const shown = items.map((entry) => {
        if ("shown" in entry) return entry.shown;
        const { row } = entry;
        const number = label === undefined ? row.version : (row.labels[label] ?? row.version);
        const version = getVersion(store, row, number) ?? latest(row);
        const value = showValue(deps, row, version, input.WithDecryption === true);
        return showParameter(row, version, { value, selector: label });
      });
      return { Parameters: shown, ...rest };
    },
  } satisfies SsmOperations;

  /** @throws ParameterNotFound, ParameterVersionNotFound, InvalidKeyId */
  function read(
    context: RequestContext,
    given: string,
    decrypt: boolean,
  ): { readonly shown: Parameter; readonly byArn: boolean } {
    checkGivenName(given);
    const named = readName(context, given);
    if (named.name.startsWith("/aws/reference/")) throw notImplemented("A reference to Secrets Manager");
    const ofAws = named.isElsewhere ? undefined : publicParameters(image, context.region).get(named.name);
    if (ofAws !== undefined && (named.selector ?? "1") === "1")
      return { shown: showPublic(ofAws), byArn: named.byArn };
    const { row, version } = versionOf(store, context, given, clock.now());
    const value = showValue(deps, row, version, decrypt);
    return { shown: showParameter(row, version, { value, selector: named.selector }), byArn: named.byArn };
  }

  function latest(row: ParameterRow): ParameterVersionRow {
    const found = getVersion(store, row, row.version);
    if (found === undefined) throw new Error(`Parameter ${row.arn} lacks its version ${row.version}.`);
    return found;
  }

  function publicBelow(context: RequestContext, path: string, input: GetParametersByPathCommandInput) {
    const prefix = path.endsWith("/") ? path : `${path}/`;
    if (!prefix.startsWith("/aws/")) return [];
    return [...publicParameters(image, context.region).values()]
      .filter(({ name }) => name.startsWith(prefix))
      .filter(({ name }) => input.Recursive === true || !name.slice(prefix.length).includes("/"))
      .map((parameter) => ({ name: parameter.name, shown: showPublic(parameter) }));
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof ServiceError && ["ParameterNotFound", "ParameterVersionNotFound"].includes(error.code);

export function checkGivenName(name: string): string {
  if (name === "") throw constraint(name, "name", "Member must have length greater than or equal to 1");
  if (name.length > 2048)
    throw constraint(name, "name", "Member must have length less than or equal to 2048");
  return name;
}

/** Each once, ten at most. @throws ValidationException */
export function checkNames(names: readonly string[]): readonly string[] {
  const shown = `[${names.join(", ")}]`;
  if (names.length === 0)
    throw constraint(shown, "names", "Member must have length greater than or equal to 1");
  if (names.length > MOST_NAMES)
    throw constraint(shown, "names", `Member must have length less than or equal to ${MOST_NAMES}`);
  return [...new Set(names.map(checkGivenName))];
}

function checkPath(path: string): string {
  if (!path.startsWith("/") || !/^[\w./-]+$/.test(path) || path.includes("//") || path.length > 1011)
    throw validation(NOT_A_PATH);
  return path;
}
