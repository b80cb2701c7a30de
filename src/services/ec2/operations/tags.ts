// CreateTags, DeleteTags, DescribeTags: of instances, what VPCs are made of, and the rules of security groups.
import type { TagDescription } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { changeRule } from "#domain/ec2/security-group.ts";
import type { Tags } from "#domain/tags.ts";
import type { Reader, Row, Table, Transaction } from "#store/store.ts";
import {
  elasticAddresses,
  instances,
  internetGateways,
  natGateways,
  routeTables,
  securityGroups,
  subnets,
  vpcs,
} from "#store/tables/ec2.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, invalidValue, kindOfId, notFound, notImplemented } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { inRegion } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkTagCount, readTags } from "../tags.ts";

/** Rows of one transaction: with user data and all the tags there can be, an instance's has up to 140 KiB. */
const BATCH = 7;
const MOST_RESOURCES = 1000;

type Tagged = Row & { readonly id: string; readonly tags: Tags };
const tables = {
  instance: instances,
  vpc: vpcs,
  subnet: subnets,
  "security-group": securityGroups,
  "internet-gateway": internetGateways,
  "route-table": routeTables,
  natgateway: natGateways,
  "elastic-ip": elasticAddresses,
} as unknown as Readonly<Record<string, Table<Tagged>>>;

interface TagRow {
  readonly resourceId: string;
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
}
const fields: Fields<TagRow> = {
  key: (row) => row.key,
  value: (row) => row.value,
  "resource-id": (row) => row.resourceId,
  "resource-type": (row) => row.resourceType,
};

export function tagOperations({ store }: Ec2Dependencies) {
  return {
    async CreateTags(input, { region }) {
      const added = readTags(input.Tags);
      if (Object.keys(added).length === 0)
        throw new ServiceError("MissingParameter", "The request must contain the parameter tagSet");
      await changeTags(region, input.Resources, (tags) => checkTagCount({ ...tags, ...added }));
      return {};
    },

    /** Without tags all are removed; with a value only when the value is that. */
    async DeleteTags(input, { region }) {
      const removed = input.Tags ?? [];
      await changeTags(region, input.Resources, (tags) =>
        removed.length === 0
          ? {}
          : Object.fromEntries(
              Object.entries(tags).filter(
                ([key, value]) =>
                  !removed.some((r) => r.Key === key && (r.Value === undefined || r.Value === value)),
              ),
            ),
      );
      return {};
    },

    DescribeTags(input, context) {
      const { region } = context;
      const rows = filterRows(allTags(store, region), input.Filters, fields, (row) => ({
        [row.key]: row.value,
      }));
      const { items, rest } = page(rows, (r) => `${r.key}\u0000${r.resourceId}`, context, input);
      return {
        Tags: items.map((row) => ({
          ResourceId: row.resourceId,
          ResourceType: row.resourceType as NonNullable<TagDescription["ResourceType"]>,
          Key: row.key,
          Value: row.value,
        })),
        ...rest,
      };
    },
  } satisfies Ec2Operations;

  /** Every resource is looked up before any is changed. */
  async function changeTags(
    region: string,
    given: readonly string[] | undefined,
    change: (tags: Tags) => Tags,
  ): Promise<void> {
    const ids = [...new Set(given ?? [])];
    if (ids.length > MOST_RESOURCES)
      throw invalidValue(`The number of resources in one call cannot exceed ${MOST_RESOURCES}`);
    for (const id of ids) change(locate(store, region, id).tags);
    for (let at = 0; at < ids.length; at += BATCH) {
      await store.transact((tx) => {
        for (const id of ids.slice(at, at + BATCH)) {
          const found = locate(tx, region, id);
          found.put(tx, change(found.tags));
        }
      });
    }
  }
}

interface Located {
  readonly tags: Tags;
  /** Inside the transaction that located it. */
  put(tx: Transaction, tags: Tags): void;
}

/** @throws InvalidID, or the NotFound of the resource's kind */
function locate(reader: Reader, region: string, id: string): Located {
  const kind = kindOfId(id);
  if (kind === undefined) throw new ServiceError("InvalidID", `The ID '${id}' is not valid`);
  checkId(kind, id);
  if (kind === "security-group-rule") return locateRule(reader, region, id);
  const table = tables[kind];
  if (table === undefined) throw notImplemented(`Tagging of ${kind}s`);
  const row = reader.get(table, ec2Key(region, id));
  if (row === undefined) throw notFound(kind, [id]);
  return { tags: row.tags, put: (tx, tags) => tx.put(table, ec2Key(region, id), { ...row, tags }) };
}

/** A rule is a part of its group's row. */
function locateRule(reader: Reader, region: string, id: string): Located {
  const group = reader.find(securityGroups, "rule", id)[0]?.[1];
  const rule = group?.rules.find((one) => one.id === id);
  if (group === undefined || rule === undefined || group.region !== region)
    throw notFound("security-group-rule", [id]);
  return {
    tags: rule.tags,
    put: (tx, tags) =>
      tx.put(
        securityGroups,
        ec2Key(region, group.id),
        changeRule(group, id, (before) => ({ ...before, tags })),
      ),
  };
}

function allTags(reader: Reader, region: string): readonly TagRow[] {
  const of = (resourceType: string, { id, tags }: { readonly id: string; readonly tags: Tags }) =>
    Object.entries(tags).map(([key, value]) => ({ resourceId: id, resourceType, key, value }));
  return [
    ...Object.entries(tables).flatMap(([type, table]) =>
      inRegion(reader, table, region).flatMap((row) => of(type, row)),
    ),
    ...inRegion(reader, securityGroups, region).flatMap(({ rules }) =>
      rules.flatMap((rule) => of("security-group-rule", rule)),
    ),
  ];
}
