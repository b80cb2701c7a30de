// Clusters as stored, and their transitions. Key: region/name.
import type { Tags } from "../tags.ts";
import type { CapacityProviderName, StrategyItem } from "./fargate.ts";

export interface ClusterRow {
  readonly arn: string;
  readonly region: string;
  readonly name: string;
  /** INACTIVE clusters stay describable and out of lists. */
  readonly status: "ACTIVE" | "INACTIVE";
  readonly settings: readonly ClusterSetting[];
  /** Associated with the cluster; none when absent. */
  readonly capacityProviders?: readonly CapacityProviderName[];
  /** Of tasks and services that name neither a strategy nor a launch type. */
  readonly defaultStrategy?: readonly StrategyItem[];
  readonly createdAt: number;
  readonly deletedAt?: number;
  readonly tags: Tags;
}

export interface ClusterSetting {
  readonly name: string;
  readonly value: string;
}

export const clusterKey = (region: string, name: string): string => `${region}/${name}`;

/** DeleteCluster. A second call changes nothing. */
export const deactivateCluster = (cluster: ClusterRow, now: number): ClusterRow =>
  cluster.status === "INACTIVE" ? cluster : { ...cluster, status: "INACTIVE", deletedAt: now };

/** PutClusterCapacityProviders: replaces both. */
export const setCapacityProviders = (
  cluster: ClusterRow,
  capacityProviders: readonly CapacityProviderName[],
  defaultStrategy: readonly StrategyItem[],
): ClusterRow => ({ ...cluster, capacityProviders, defaultStrategy });

/** UpdateCluster, UpdateClusterSettings: settings that are not named stay. */
export function setClusterSettings(cluster: ClusterRow, settings: readonly ClusterSetting[]): ClusterRow {
  const kept = cluster.settings.filter((old) => !settings.some((s) => s.name === old.name));
  return { ...cluster, settings: [...kept, ...settings] };
}
