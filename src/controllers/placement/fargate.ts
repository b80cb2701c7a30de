// Tasks of launch type FARGATE: each gets a host of the pool in the zone of one of its subnets where fewest of its kind are, an
// interface in that subnet, and its capacity provider, all in one transaction. So a crash leaves no task without a host on its
// way, and no host on its way that nobody will end.
import type { Random } from "#lib/random.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import { clusterArn } from "#domain/ecs/arns.ts";
import { type CapacityProviderName, EPHEMERAL_STORAGE_GIB, PLATFORM_VERSION } from "#domain/ecs/fargate.ts";
import { type AwsvpcConfiguration, type Deployment, serviceKey } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import type { PlacementRequest } from "#domain/ports/placement.ts";
import { resourcesOf } from "#scheduler/demand.ts";
import { splitByStrategy } from "#scheduler/strategy-split.ts";
import type { Transaction } from "#store/store.ts";
import { subnets } from "#store/tables/ec2.ts";
import { tasks } from "#store/tables/ecs.ts";
import { listOfTasks, writeServiceEvent } from "../service-events.ts";
import { wantedBy } from "./commit.ts";
import { findAddress, newInterface } from "./new-interface.ts";
import { newTask } from "./new-task.ts";
import { NO_CAPACITY, type PoolSettings, takePoolHost } from "./pool-host.ts";

/** Each is up to five rows: its own, its interface, the interface's address, its host and once the pool's network. */
export const FARGATE_TASKS_PER_TRANSACTION = 19;
/** A host has to come up before it can take the interface. */
const ATTACH_TIMEOUT_MS = 10 * 60_000;

export interface FargateParts {
  readonly pool: PoolSettings;
  readonly random: Random;
  readonly now: number;
}

export interface FargateCommit {
  readonly created: readonly TaskRow[];
  /** Why there are no more, as RunTask's `failures[]` has it. */
  readonly failure?: { readonly reason: string; readonly detail?: string };
}

/** @param before tasks that the same request made in earlier transactions */
export function commitFargate(
  tx: Transaction,
  request: PlacementRequest,
  definition: TaskDefinitionRow,
  count: number,
  before: readonly TaskRow[],
  parts: FargateParts,
): FargateCommit {
  const { region, clusterName, service } = request;
  const wanted = service === undefined ? undefined : wantedBy(tx, request, service);
  if (service !== undefined && wanted === undefined) return { created: [] };
  const limit = Math.min(count, wanted?.count ?? count);
  const present = service === undefined ? before : tasksOfDeployment(tx, request, service);
  const providers = providersOf(request, present, limit);
  const created: TaskRow[] = [];
  let failure: FargateCommit["failure"];
  while (created.length < limit) {
    const made = oneTask(tx, request, definition, wanted?.deployment, [...present, ...created], parts);
    if ("reason" in made) {
      failure = made;
      break;
    }
    const provider = providers[created.length];
    const task = provider === undefined ? made : { ...made, capacityProviderName: provider };
    tx.put(tasks, taskKey(region, clusterName, task.id), task);
    created.push(task);
  }
  if (wanted !== undefined && created.length > 0) {
    const ids = created.map((t) => t.id);
    writeServiceEvent(tx, wanted.service, `has started ${ids.length} tasks: ${listOfTasks(ids)}.`, parts.now);
  }
  return { created, ...(failure === undefined ? {} : { failure }) };
}

/** With its host and its interface. */
function oneTask(
  tx: Transaction,
  request: PlacementRequest,
  definition: TaskDefinitionRow,
  deployment: Deployment | undefined,
  present: readonly TaskRow[],
  { pool, random, now }: FargateParts,
): TaskRow | NonNullable<FargateCommit["failure"]> {
  const { region, account, clusterName, network, overrides } = request;
  if (network === undefined) throw new Error("A Fargate task has a network.");
  const subnet = chooseSubnet(tx, region, network, present, random);
  if (subnet === undefined) return noAddress(network);
  const { availabilityZone } = subnet;
  const { cpu, memoryMiB } = resourcesOf(definition.body, overrides);
  const size = { cpu, memoryMiB };
  const host = takePoolHost(tx, { region, account, zone: availabilityZone, size }, pool, random, now);
  if (host === undefined) return { reason: NO_CAPACITY };
  const task: TaskRow = {
    ...newTask(
      request,
      definition,
      {
        arn: host.containerInstanceArn,
        clusterArn: clusterArn(region, account, clusterName),
        availabilityZone,
      },
      deployment,
      random,
      now,
    ),
    platformVersion: PLATFORM_VERSION,
    runtime: pool.runtime ?? "runc",
    ephemeralStorageGiB:
      overrides.ephemeralStorage?.sizeInGiB ??
      definition.body.ephemeralStorage?.sizeInGiB ??
      EPHEMERAL_STORAGE_GIB.usual,
  };
  const own = { ...network, subnetIds: [subnet.id] };
  const on = { availabilityZone, ec2InstanceId: host.instanceId };
  const made = newInterface(tx, task, own, on, account, random, now, ATTACH_TIMEOUT_MS);
  return "task" in made ? made.task : noAddress(network);
}

const noAddress = ({ subnetIds }: AwsvpcConfiguration) => ({
  reason: "RESOURCE:ENI",
  detail: `There are not enough free addresses in subnet ${subnetIds.map((id) => `'${id}'`).join(", ")}.`,
});

/** In the zone with fewest tasks of those that are present; one that has an address left. */
function chooseSubnet(
  tx: Transaction,
  region: string,
  { subnetIds }: AwsvpcConfiguration,
  present: readonly TaskRow[],
  random: Random,
): SubnetRow | undefined {
  const tasksIn = ({ availabilityZone: zone }: SubnetRow) =>
    present.filter((t) => t.availabilityZone === zone).length;
  const all = subnetIds
    .flatMap((id) => tx.get(subnets, ec2Key(region, id)) ?? [])
    .map((subnet) => ({ subnet, tasks: tasksIn(subnet), lot: random.fraction() }))
    .sort((a, b) => a.tasks - b.tasks || a.lot - b.lot);
  return all.find(({ subnet }) => findAddress(tx, [subnet]) !== undefined)?.subnet;
}

/** That are to run. */
function tasksOfDeployment(
  tx: Transaction,
  { region, clusterName }: PlacementRequest,
  { name, deploymentId }: NonNullable<PlacementRequest["service"]>,
): readonly TaskRow[] {
  return tx
    .find(tasks, "activeOfService", serviceKey(region, clusterName, name))
    .map(([, row]) => row)
    .filter((t) => t.deploymentId === deploymentId && t.desiredStatus === "RUNNING");
}

function providersOf(
  { capacityProviderStrategy: strategy }: PlacementRequest,
  present: readonly TaskRow[],
  count: number,
): readonly CapacityProviderName[] {
  if (strategy === undefined) return [];
  const counts = new Map<CapacityProviderName, number>();
  for (const { capacityProviderName: name } of present)
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  return splitByStrategy(strategy, counts, count);
}
