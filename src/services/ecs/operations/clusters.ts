// Clusters: create, describe, list, change, delete. Deleted ones stay describable as INACTIVE and their name can be revived.
import type { CreateClusterRequest } from "@aws-sdk/client-ecs";
import { ServiceError } from "#lib/errors.ts";
import { clusterArn } from "#domain/ecs/arns.ts";
import { clusterKey, deactivateCluster, setClusterSettings, type ClusterRow } from "#domain/ecs/cluster.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { clusters, containerInstances, services, tasks } from "#store/tables/ecs.ts";
import { readProviders, readStrategyItems } from "../capacity-strategy.ts";
import { readSettings, showCluster, type ClusterField } from "../cluster-view.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { clusterNotFound, invalidParameter } from "../errors.ts";
import { clusterNameOf, clusterOf, findCluster } from "../lookup.ts";
import { page } from "../paging.ts";
import { honourOnly } from "../refuse.ts";
import { readTags } from "../tags.ts";
import { ensureLinkedRole } from "../../linked-role.ts";

const MOST_DESCRIBED = 100;

export function clusterOperations({ store, clock, random, account }: EcsDependencies) {
  return {
    /** Answers the cluster of that name as it is when it is ACTIVE; an INACTIVE one is created anew. */
    async CreateCluster(input, context) {
      const { region } = context;
      const fresh = readCreate(input, region);
      const row = await store.transact((tx) => {
        const key = clusterKey(region, fresh.name);
        const existing = tx.get(clusters, key);
        if (existing?.status === "ACTIVE") return existing;
        const created: ClusterRow = { ...fresh, status: "ACTIVE", createdAt: clock.now() };
        tx.put(clusters, key, created);
        // Without the permission to make it the cluster is made all the same, as on AWS.
        ensureLinkedRole(tx, context, { service: "ecs.amazonaws.com", random, now: clock.now() });
        return created;
      });
      return { cluster: showCluster(store, row, ["SETTINGS", "TAGS"]) };
    },

    DescribeClusters(input, context) {
      const { region } = context;
      const asked =
        input.clusters === undefined || input.clusters.length === 0 ? ["default"] : input.clusters;
      if (asked.length > MOST_DESCRIBED)
        throw invalidParameter(`Clusters can have at most ${MOST_DESCRIBED} items.`);
      const include = readInclude(input.include);
      const found: ClusterRow[] = [];
      const failures: { arn: string; reason: string }[] = [];
      for (const name of new Set(asked.map((given) => clusterNameOf(context, given)))) {
        const row = findCluster(store, context, name);
        if (row === undefined) failures.push({ arn: clusterArn(region, account, name), reason: "MISSING" });
        else found.push(row);
      }
      return { clusters: found.map((row) => showCluster(store, row, include)), failures };
    },

    ListClusters(input, { region }) {
      const rows = Array.from(store.scan(clusters, { prefix: `${region}/` }), ([, row]) => row);
      const active = rows.filter((row) => row.status === "ACTIVE");
      const { items, more } = page(active, (row) => row.name, ["ListClusters", region], input);
      return { clusterArns: items.map((row) => row.arn), ...more };
    },

    async UpdateCluster(input, context) {
      honourOnly(input, ["cluster", "settings"]);
      return { cluster: await changeSettings(context, input.cluster, input.settings) };
    },

    async UpdateClusterSettings(input, context) {
      return { cluster: await changeSettings(context, input.cluster, input.settings) };
    },

    /** Deleting an INACTIVE cluster again answers it. */
    async DeleteCluster(input, context) {
      const row = await store.transact((tx) => {
        const before = findCluster(tx, context, input.cluster);
        if (before === undefined) throw clusterNotFound();
        checkEmpty(tx, before);
        const after = deactivateCluster(before, clock.now());
        tx.put(clusters, clusterKey(after.region, after.name), after);
        return after;
      });
      return { cluster: showCluster(store, row, ["SETTINGS", "TAGS"]) };
    },
  } satisfies EcsOperations;

  function readCreate(input: CreateClusterRequest, region: string) {
    honourOnly(input, [
      "clusterName",
      "tags",
      "settings",
      "capacityProviders",
      "defaultCapacityProviderStrategy",
    ]);
    const name = input.clusterName ?? "default";
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(name))
      throw invalidParameter(
        "Invalid cluster name: up to 255 letters, numbers, underscores and hyphens are allowed.",
      );
    const arn = clusterArn(region, account, name);
    const capacityProviders = readProviders(input.capacityProviders);
    const defaultStrategy = readStrategyItems(input.defaultCapacityProviderStrategy ?? [], capacityProviders);
    return {
      arn,
      region,
      name,
      settings: readSettings(input.settings),
      ...(capacityProviders.length === 0 ? {} : { capacityProviders, defaultStrategy }),
      tags: readTags(input.tags),
    };
  }

  async function changeSettings(
    context: RequestContext,
    given: string | undefined,
    settings: CreateClusterRequest["settings"],
  ) {
    const row = await store.transact((tx) => {
      const after = setClusterSettings(
        clusterOf(tx, context, given),
        settings === undefined ? [] : readSettings(settings),
      );
      tx.put(clusters, clusterKey(after.region, after.name), after);
      return after;
    });
    return showCluster(store, row, ["SETTINGS", "TAGS"]);
  }
}

function readInclude(include: readonly string[] = []): readonly ClusterField[] {
  const known: readonly ClusterField[] = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"];
  return include.map((field) => {
    const found = known.find((k) => k === field);
    if (found === undefined) throw invalidParameter(`Invalid value '${field}' in include.`);
    return found;
  });
}

function checkEmpty(reader: Reader, { region, name }: ClusterRow): void {
  const prefix = `${region}/${name}/`;
  const some = <R>(rows: Iterable<readonly [string, R]>, test: (row: R) => boolean): boolean => {
    for (const [, row] of rows) if (test(row)) return true;
    return false;
  };
  const refuse = (what: string, why: string) =>
    new ServiceError(`ClusterContains${what}Exception`, `The Cluster cannot be deleted while ${why}.`);
  if (some(reader.scan(containerInstances, { prefix }), (row) => row.status !== "INACTIVE"))
    throw refuse("ContainerInstances", "Container Instances are active or draining");
  if (some(reader.scan(services, { prefix }), (row) => row.status !== "INACTIVE"))
    throw refuse("Services", "Services are active");
  if (some(reader.scan(tasks, { prefix }), (row) => row.lastStatus !== "STOPPED"))
    throw refuse("Tasks", "Tasks are active");
}
