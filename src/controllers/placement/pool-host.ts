// A host of Fargate's pool for one task, found or made in the transaction that makes the task: an idle one of its size and zone,
// else a new row, which the instance controller brings up. The pool has a network of its own, as Fargate has on AWS: the hosts
// take no address of the user's subnets (docs/decisions/0009).
import { newEc2Id, newHexId, newMacAddress } from "#lib/ids.ts";
import type { Random } from "#lib/random.ts";
import { ec2Key, type InstanceRow, type VpcRow } from "#domain/ec2/instance.ts";
import { takeHost } from "#domain/ec2/pool-host.ts";
import { firstFree, formatIpv4, parseBlock } from "#domain/ec2/ipv4.ts";
import { containerInstanceArn, keyOfEcsArn } from "#domain/ecs/arns.ts";
import { POOL_CLUSTER, type PoolHost, poolPlace, type TaskRuntime } from "#domain/ecs/fargate.ts";
import type { Transaction } from "#store/store.ts";
import { instances, vpcs } from "#store/tables/ec2.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";

export interface PoolSettings {
  /** Hosts that there may be at once, over all regions. */
  readonly mostHosts: number;
  /** The pool's network; a free /22 of 198.18.0.0/15, the range for benchmarks, when absent. */
  readonly cidr?: string;
  /** What hosts start tasks' containers with; `runc` when absent. */
  readonly runtime?: TaskRuntime;
}

export interface PoolPlace {
  readonly region: string;
  readonly account: string;
  readonly zone: string;
  /** Of the task. */
  readonly size: Pick<PoolHost, "cpu" | "memoryMiB">;
}

export interface HostForTask {
  readonly instanceId: string;
  readonly containerInstanceArn: string;
}

/** AWS's words for it. */
export const NO_CAPACITY =
  "Capacity is unavailable at this time. Please try again later or in a different availability zone.";

/** Undefined when there may be no further host. */
export function takePoolHost(
  tx: Transaction,
  place: PoolPlace,
  settings: PoolSettings,
  random: Random,
  now: number,
): HostForTask | undefined {
  const { region, account, zone, size } = place;
  const arnOf = ({ containerInstanceId: id }: PoolHost) =>
    containerInstanceArn(region, account, POOL_CLUSTER, id);
  for (const [key, row] of tx.find(instances, "pool", poolPlace(region, zone, size))) {
    if (row.fargate === undefined || runtimeOf(row.fargate) !== runtimeOf(settings)) continue;
    const arn = arnOf(row.fargate);
    if (tx.find(tasks, "activeOnInstance", arn).length > 0 || !isUsable(tx, row, arn)) continue;
    const taken = takeHost(row);
    if (taken !== row) tx.put(instances, key, taken);
    return { instanceId: row.id, containerInstanceArn: arn };
  }
  if (hostsInPool(tx) >= settings.mostHosts) return undefined;
  const row = newHost(place, poolVpc(tx, region, settings, random), runtimeOf(settings), random, now);
  const privateIp = firstFree(row.vpc.cidrBlock, addressesIn(tx, row.vpc.id));
  if (privateIp === undefined) return undefined;
  tx.put(instances, ec2Key(region, row.host.id), { ...row.host, privateIp });
  return { instanceId: row.host.id, containerInstanceArn: arnOf(row.host.fargate) };
}

/** A host of another runtime is none for the task, however idle: one runtime never stands in for the other. */
const runtimeOf = ({ runtime }: { readonly runtime?: TaskRuntime }): TaskRuntime => runtime ?? "runc";

/** One that is still coming up is as good as one that is there. */
function isUsable(tx: Transaction, row: InstanceRow, arn: string): boolean {
  if (row.state === "pending") return true;
  const instance = tx.get(containerInstances, keyOfEcsArn(arn) ?? "");
  return instance?.status === "ACTIVE" && instance.agentConnected;
}

function hostsInPool(tx: Transaction): number {
  return ["pending", "running", "shutting-down"].reduce(
    (sum, state) =>
      sum + tx.find(instances, "state", state).filter(([, r]) => r.fargate !== undefined).length,
    0,
  );
}

const addressesIn = (tx: Transaction, vpcId: string): ReadonlySet<string> =>
  new Set(tx.find(instances, "vpc", vpcId).map(([, row]) => row.privateIp));

function newHost(
  { region, account, zone, size }: PoolPlace,
  vpc: VpcRow,
  runtime: TaskRuntime,
  random: Random,
  now: number,
) {
  const fargate: PoolHost = { ...size, containerInstanceId: newHexId(random), runtime };
  const host = {
    id: newEc2Id("i", random),
    region,
    reservationId: newEc2Id("r", random),
    ownerId: account,
    imageId: "ami-fargate",
    instanceType: "fargate",
    state: "pending",
    launchTime: now,
    launchIndex: 0,
    availabilityZone: zone,
    vpcId: vpc.id,
    subnetId: "",
    macAddress: newMacAddress(random),
    networkInterfaceId: newEc2Id("eni", random),
    securityGroupIds: [],
    userData: Buffer.from(userData(runtime)).toString("base64"),
    metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1, httpEndpoint: "enabled" },
    tags: {},
    fargate,
  } as const;
  return { vpc, host };
}

/** A task knows nothing of its host's metadata service; a host is for one task at a time, whose containers go when it has ended. */
const userData = (runtime: TaskRuntime): string =>
  [
    "#!/bin/sh",
    `echo ECS_CLUSTER=${POOL_CLUSTER} >> /etc/ecs/ecs.config`,
    `echo ESTIBA_TASK_RUNTIME=${runtime} >> /etc/ecs/ecs.config`,
    "echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config",
    "echo ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m >> /etc/ecs/ecs.config",
    "",
  ].join("\n");

const BENCHMARK_RANGE = "198.18.0.0/15";
const POOL_PREFIX = 22;

/** The region's, made when there is none. */
function poolVpc(tx: Transaction, region: string, { cidr }: PoolSettings, random: Random): VpcRow {
  for (const [, row] of tx.scan(vpcs, { prefix: `${region}/` })) if (row.isPool === true) return row;
  const taken = new Set(Array.from(tx.scan(vpcs), ([, row]) => row.cidrBlock));
  const range = parseBlock(BENCHMARK_RANGE);
  const size = 2 ** (32 - POOL_PREFIX);
  const blocks = Array.from({ length: (range?.size ?? 0) / size }, (_, i) => i);
  const first = random.below(blocks.length);
  const free = blocks
    .map((i) => `${formatIpv4((range?.base ?? 0) + ((i + first) % blocks.length) * size)}/${POOL_PREFIX}`)
    .find((block) => !taken.has(block));
  const row: VpcRow = {
    id: newEc2Id("vpc", random),
    region,
    cidrBlock: cidr ?? free ?? BENCHMARK_RANGE,
    isDefault: false,
    isPool: true,
    tags: {},
  };
  tx.put(vpcs, ec2Key(region, row.id), row);
  return row;
}
