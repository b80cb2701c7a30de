// A cluster as the API shows it: its counts come from the rows of its instances, services and tasks.
import type { Cluster, ClusterSetting as GivenSetting } from "@aws-sdk/client-ecs";
import type { ClusterRow, ClusterSetting } from "#domain/ecs/cluster.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";
import type { Reader } from "#store/store.ts";
import { containerInstances, services, tasks } from "#store/tables/ecs.ts";
import { invalidParameter, notImplemented } from "./errors.ts";
import { showTags } from "./tags.ts";

export type ClusterField = "ATTACHMENTS" | "CONFIGURATIONS" | "SETTINGS" | "STATISTICS" | "TAGS";

const DEFAULT_SETTINGS: readonly ClusterSetting[] = [{ name: "containerInsights", value: "disabled" }];

/** @throws InvalidParameterException */
export function readSettings(given: readonly GivenSetting[] | undefined): readonly ClusterSetting[] {
  const settings = given ?? DEFAULT_SETTINGS;
  return settings.map(({ name = "", value = "" }) => {
    if (name !== "containerInsights") throw invalidParameter(`Invalid cluster setting name '${name}'.`);
    if (value === "disabled") return { name, value };
    if (value === "enabled" || value === "enhanced")
      throw notImplemented(`The cluster setting containerInsights '${value}'`);
    throw invalidParameter(`Invalid value '${value}' for the cluster setting containerInsights.`);
  });
}

/** Waits for its containers or its targets: not RUNNING yet. */
export const isPending = (task: Pick<TaskRow, "lastStatus">): boolean => !hasReached(task, "RUNNING");

export function showCluster(reader: Reader, row: ClusterRow, include: readonly ClusterField[]): Cluster {
  const counts = count(reader, row);
  const sum = (kind: string) =>
    LAUNCH_TYPES.reduce((total, type) => total + (counts.get(`${kind}/${type}`) ?? 0), 0);
  return {
    clusterArn: row.arn,
    clusterName: row.name,
    status: row.status,
    registeredContainerInstancesCount: counts.get("instances") ?? 0,
    runningTasksCount: sum("running"),
    pendingTasksCount: sum("pending"),
    activeServicesCount: sum("active"),
    statistics: include.includes("STATISTICS") ? statistics(counts) : [],
    tags: include.includes("TAGS") ? showTags(row.tags) : [],
    settings: include.includes("SETTINGS") ? row.settings.map((s) => ({ ...s }) as GivenSetting) : [],
    capacityProviders: [...(row.capacityProviders ?? [])],
    defaultCapacityProviderStrategy: (row.defaultStrategy ?? []).map((item) => ({ ...item })),
    ...(include.includes("ATTACHMENTS") ? { attachments: [] } : {}),
  };
}

const LAUNCH_TYPES = ["EC2", "FARGATE", "EXTERNAL"] as const;
const LABEL = { EC2: "EC2", FARGATE: "Fargate", EXTERNAL: "External" } as const;

/** `running/EC2` → how many, and so on; `instances` for the container instances that are not INACTIVE. */
function count(reader: Reader, { region, name }: ClusterRow): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const prefix = `${region}/${name}/`;
  for (const [, row] of reader.scan(containerInstances, { prefix }))
    if (row.status !== "INACTIVE") add("instances");
  for (const [, row] of reader.scan(tasks, { prefix })) {
    if (row.lastStatus === "RUNNING") add(`running/${row.launchType}`);
    else if (isPending(row)) add(`pending/${row.launchType}`);
  }
  for (const [, row] of reader.scan(services, { prefix })) {
    const launchType = row.deployments.find((d) => d.status === "PRIMARY")?.launchType ?? "EC2";
    if (row.status === "ACTIVE") add(`active/${launchType}`);
    else if (row.status === "DRAINING") add(`draining/${launchType}`);
  }
  return counts;
}

function statistics(counts: ReadonlyMap<string, number>): { name: string; value: string }[] {
  const kinds = [
    ["running", "TasksCount"],
    ["pending", "TasksCount"],
    ["active", "ServiceCount"],
    ["draining", "ServiceCount"],
  ] as const;
  return kinds.flatMap(([kind, suffix]) =>
    LAUNCH_TYPES.map((type) => ({
      name: `${kind}${LABEL[type]}${suffix}`,
      value: String(counts.get(`${kind}/${type}`) ?? 0),
    })),
  );
}
