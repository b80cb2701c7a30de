// Clusters as stored. Key: region/name.
import type { Tags } from "../tags.ts";

export interface ClusterRow {
  readonly arn: string;
  readonly region: string;
  readonly name: string;
  /** INACTIVE clusters stay describable and out of lists. */
  readonly status: "ACTIVE" | "INACTIVE";
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  readonly createdAt: number;
  readonly deletedAt?: number;
  readonly tags: Tags;
}

export const clusterKey = (region: string, name: string): string => `${region}/${name}`;
