// Service deployments and service revisions: the history of a service's rollouts. The transitions of a service write them.
import { ecsResourceOf, keyOfEcsArn } from "#domain/ecs/arns.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import type { Table } from "#store/store.ts";
import { serviceDeployments, serviceRevisions } from "#store/tables/ecs.ts";
import { fingerprintOf } from "../client-token.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter, serviceNotFound } from "../errors.ts";
import { clusterOf, findService, type Scope } from "../lookup.ts";
import { page } from "../paging.ts";
import { honourOnly } from "../refuse.ts";
import { namesGiven } from "../requested.ts";
import {
  showServiceDeployment,
  showServiceDeploymentBrief,
  showServiceRevision,
} from "../show-service-deployment.ts";

const MOST_DESCRIBED = 20;

export function serviceDeploymentOperations({ store }: EcsDependencies) {
  /** The rows behind ARNs of that kind, and what is not there as `failures[]` has it. */
  const look = <R extends object>(
    table: Table<R>,
    kind: "service-deployment" | "service-revision",
    scope: Scope,
    arns: readonly string[],
  ) => {
    const found: R[] = [];
    const failures: { arn: string; reason: string }[] = [];
    for (const arn of arns) {
      const row = store.get(table, keyOf(kind, scope, arn));
      if (row === undefined) failures.push({ arn, reason: "MISSING" });
      else found.push(row);
    }
    return { found, failures };
  };

  return {
    /** Newest first. Those of a deleted service whose name was used again are not the new one's. */
    ListServiceDeployments(input, context) {
      honourOnly(input, ["service", "cluster", "status", "createdAt", "nextToken", "maxResults"]);
      const cluster = clusterOf(store, context, input.cluster);
      const service = findService(store, context, cluster, input.service ?? "");
      if (service === undefined) throw serviceNotFound();
      const { status = [], createdAt, nextToken, maxResults } = input;
      const from = Math.max(service.createdAt, createdAt?.after?.getTime() ?? 0);
      const until = createdAt?.before?.getTime() ?? Infinity;
      const rows = Array.from(
        store.scan(serviceDeployments, {
          prefix: `${serviceKey(cluster.region, cluster.name, service.name)}/`,
        }),
        ([, row]) => row,
      ).filter(
        (row) =>
          row.createdAt >= from &&
          row.createdAt <= until &&
          (status.length === 0 || status.includes(row.status)),
      );
      const { items, more } = page(
        rows,
        (row) => `${String(row.createdAt).padStart(14, "0")}-${row.id}`,
        ["ListServiceDeployments", service.arn, from, until, fingerprintOf(status)],
        { nextToken, maxResults },
        { usual: 20, descending: true },
      );
      return { serviceDeployments: items.map(showServiceDeploymentBrief), ...more };
    },

    DescribeServiceDeployments(input, context) {
      honourOnly(input, ["serviceDeploymentArns"]);
      const arns = namesGiven(input.serviceDeploymentArns, "Service deployment ARNs", MOST_DESCRIBED);
      const { found, failures } = look(serviceDeployments, "service-deployment", context, arns);
      return { serviceDeployments: found.map((row) => showServiceDeployment(store, row)), failures };
    },

    DescribeServiceRevisions(input, context) {
      honourOnly(input, ["serviceRevisionArns"]);
      const arns = namesGiven(input.serviceRevisionArns, "Service revision ARNs", MOST_DESCRIBED);
      const { found, failures } = look(serviceRevisions, "service-revision", context, arns);
      return { serviceRevisions: found.map(showServiceRevision), failures };
    },
  } satisfies EcsOperations;
}

/** @throws InvalidParameterException when the text is not an ARN of that kind in this region and account */
function keyOf(kind: string, scope: Scope, arn: string): string {
  const found = ecsResourceOf(arn);
  const key = keyOfEcsArn(arn);
  if (found === undefined || key === undefined || found.parts[0] !== kind || found.parts.length !== 4)
    throw invalidParameter(`Invalid identifier: '${arn}' is not the ARN of a ${kind}.`);
  if (found.region !== scope.region || found.account !== scope.account)
    throw invalidParameter(
      `Invalid identifier: Identifier is for ${found.region} and ${found.account}. Yours are ${scope.region} and ${scope.account}.`,
    );
  return key;
}
