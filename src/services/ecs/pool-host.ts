// The hosts of Fargate's pool as callers: they register in a cluster that is no row, under an id that was chosen for them.
import { clusterArn } from "#domain/ecs/arns.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { POOL_CLUSTER } from "#domain/ecs/fargate.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { callingInstance } from "./own-instance.ts";

export interface CallingPoolHost {
  readonly cluster: ClusterRow;
  readonly containerInstanceId: string;
}

/** Undefined for every other caller. */
export function poolHostOf(reader: Reader, context: RequestContext): CallingPoolHost | undefined {
  const caller = callingInstance(context);
  const row = caller === undefined ? undefined : reader.find(instances, "id", caller)[0]?.[1];
  if (row?.fargate === undefined) return undefined;
  const { region, account } = context;
  const cluster: ClusterRow = {
    arn: clusterArn(region, account, POOL_CLUSTER),
    region,
    name: POOL_CLUSTER,
    status: "ACTIVE",
    settings: [],
    createdAt: 0,
    tags: {},
  };
  return { cluster, containerInstanceId: row.fargate.containerInstanceId };
}
