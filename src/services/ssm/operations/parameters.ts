// DescribeParameters, GetParameterHistory, labels and deletion.
import { ServiceError } from "#lib/errors.ts";
import {
  isExpired,
  labelsOf,
  parameterKey,
  withLabels,
  withoutLabels,
  type ParameterRow,
} from "#domain/ssm/parameter.ts";
import { parameters } from "#store/tables/ssm.ts";
import type { SsmDependencies, SsmOperations } from "../dependencies.ts";
import { constraint, notImplemented, parameterNotFound, validation, versionNotFound } from "../errors.ts";
import { matchesAll, readDescriptionFilters } from "../filters.ts";
import { findParameter, getVersion, parameterOf, versionsOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { readName, type Place } from "../parameter-name.ts";
import { removeParameter } from "../remove-parameter.ts";
import { showHistory, showMetadata } from "../show.ts";
import { showValue } from "../values.ts";
import { checkGivenName, checkNames } from "./get-parameters.ts";

const MOST_DESCRIBED = 50;
const MOST_LABELS = 10;

export function parameterOperations(deps: SsmDependencies) {
  const { store, clock } = deps;

  return {
    DescribeParameters(input, context) {
      if (input.Shared === true) throw notImplemented("Shared");
      const filters = readDescriptionFilters(input.ParameterFilters, input.Filters);
      const rows = [];
      for (const [, row] of store.scan(parameters, { prefix: `${context.region}/` })) {
        const version = isExpired(row, clock.now()) ? undefined : getVersion(store, row, row.version);
        if (version !== undefined && matchesAll(filters, row, version)) rows.push({ row, version });
      }
      const { items, rest } = page(rows, ({ row }) => row.name, context, { input, most: MOST_DESCRIBED });
      return { Parameters: items.map(({ row, version }) => showMetadata(row, version)), ...rest };
    },

    GetParameterHistory(input, context) {
      const row = parameterOf(store, context, checkGivenName(input.Name ?? ""), clock.now());
      const { items, rest } = page(
        versionsOf(store, row),
        ({ version }) => String(version).padStart(12, "0"),
        context,
        { input, most: MOST_DESCRIBED },
      );
      const shown = items.map((version) =>
        showHistory(row, version, showValue(deps, row, version, input.WithDecryption === true)),
      );
      return { Parameters: shown, ...rest };
    },

    async LabelParameterVersion(input, context) {
      const labels = checkLabels(input.Labels ?? []);
      const invalid = labels.filter((label) => !isLabel(label));
      const valid = labels.filter(isLabel);
      const number = await change(context, input.Name ?? "", (row) => {
        const version = numberOf(row, input.ParameterVersion);
        if (new Set([...labelsOf(row, version), ...valid]).size > MOST_LABELS)
          throw new ServiceError(
            "ParameterVersionLabelLimitExceeded",
            `A parameter version can have maximum ${MOST_LABELS} labels. Move one or more labels to another version and try again.`,
          );
        return { row: withLabels(row, valid, version), result: version };
      });
      return { InvalidLabels: invalid, ParameterVersion: number };
    },

    async UnlabelParameterVersion(input, context) {
      const labels = checkLabels(input.Labels ?? []);
      const removed = await change(context, input.Name ?? "", (row) => {
        const there = labelsOf(row, numberOf(row, input.ParameterVersion));
        const going = labels.filter((label) => there.includes(label));
        return { row: withoutLabels(row, going), result: going };
      });
      return { RemovedLabels: removed, InvalidLabels: labels.filter((label) => !removed.includes(label)) };
    },

    async DeleteParameter(input, context) {
      const name = checkGivenName(input.Name ?? "");
      if (!(await remove(context, name))) throw parameterNotFound(name);
      return {};
    },

    async DeleteParameters(input, context) {
      const names = checkNames(input.Names ?? []);
      const deleted: string[] = [];
      for (const name of names) if (await remove(context, name)) deleted.push(name);
      return {
        DeletedParameters: deleted,
        InvalidParameters: names.filter((name) => !deleted.includes(name)),
      };
    },
  } satisfies SsmOperations;

  async function remove(place: Place, given: string): Promise<boolean> {
    const named = readName(place, given);
    const row = named.selector === undefined ? findParameter(store, place, named, clock.now()) : undefined;
    if (row === undefined) return false;
    return removeParameter(store, parameterKey(row.region, row.name), ({ id }) => id === row.id);
  }

  function change<T>(
    place: Place,
    name: string,
    to: (row: ParameterRow) => { readonly row: ParameterRow; readonly result: T },
  ): Promise<T> {
    checkGivenName(name);
    return store.transact((tx) => {
      const before = parameterOf(tx, place, name, clock.now());
      const { row, result } = to(before);
      tx.put(parameters, parameterKey(row.region, row.name), row);
      return result;
    });
  }
}

/** @throws ParameterVersionNotFound */
function numberOf(row: ParameterRow, given: number | undefined): number {
  const version = given ?? row.version;
  if (Number.isInteger(version) && version >= row.oldestVersion && version <= row.version) return version;
  throw versionNotFound(row.name, String(version));
}

/** Systems Manager User Guide, "Working with parameter labels". */
const isLabel = (label: string): boolean => /^[A-Za-z_.-][\w.-]*$/.test(label) && !/^(aws|ssm)/i.test(label);

function checkLabels(labels: readonly string[]): readonly string[] {
  const shown = `[${labels.join(", ")}]`;
  if (labels.length === 0)
    throw constraint(shown, "labels", "Member must have length greater than or equal to 1");
  if (labels.length > MOST_LABELS)
    throw constraint(shown, "labels", `Member must have length less than or equal to ${MOST_LABELS}`);
  for (const label of labels)
    if (label.length < 1 || label.length > 100)
      throw validation("A label must have between 1 and 100 characters.");
  return [...new Set(labels)];
}
