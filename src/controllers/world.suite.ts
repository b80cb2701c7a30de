// A small cluster in a memory store, for the controllers' tests.
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock, settle } from "#lib/test-clock.ts";
import { clusterArn, containerInstanceArn, taskDefinitionArn } from "#domain/ecs/arns.ts";
import { clusterKey } from "#domain/ecs/cluster.ts";
import { containerInstanceKey, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import {
  type AwsvpcConfiguration,
  serviceChildKey,
  serviceKey,
  type ServiceRow,
} from "#domain/ecs/service.ts";
import {
  newService,
  type NewServiceInput,
  updateService,
  type ServiceChange,
} from "#domain/ecs/service-transitions.ts";
import { taskDefinitionKey, type TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import { newRole } from "#domain/iam/records.ts";
import type { PlacementRequest } from "#domain/ports/placement.ts";
import type { Backend } from "#store/backend.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { AnyTable, Store } from "#store/store.ts";
import * as ec2 from "#store/tables/ec2.ts";
import * as ecs from "#store/tables/ecs.ts";
import * as elbv2 from "#store/tables/elbv2.ts";
import * as iam from "#store/tables/iam.ts";
import * as servicediscovery from "#store/tables/servicediscovery.ts";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";
export const CLUSTER = "main";
export const SERVICE_KEY = serviceKey(REGION, CLUSTER, "web");

const storeTables = [ec2, ecs, elbv2, iam, servicediscovery].flatMap(
  (group) => Object.values(group) as AnyTable[],
);

export interface World {
  readonly backend: Backend;
  readonly store: Store;
  readonly clock: TestClock;
  readonly base: {
    readonly store: Store;
    readonly clock: TestClock;
    readonly random: ReturnType<typeof seededRandom>;
    readonly account: string;
    readonly logger: typeof silentLogger;
  };
}

export async function createWorld(
  seed = 1,
  backend: Backend = createMemoryBackend(),
  clock = new TestClock(),
): Promise<World> {
  const store = await createStore({ backend, logger: silentLogger, tables: storeTables });
  await store.transact((tx) => {
    tx.put(ecs.clusters, clusterKey(REGION, CLUSTER), {
      arn: clusterArn(REGION, ACCOUNT, CLUSTER),
      region: REGION,
      name: CLUSTER,
      status: "ACTIVE",
      settings: [],
      createdAt: 0,
      tags: {},
    });
  });
  const base = { store, clock, random: seededRandom(seed), account: ACCOUNT, logger: silentLogger };
  return { backend, store, clock, base };
}

export const instanceArn = (id: string) => containerInstanceArn(REGION, ACCOUNT, CLUSTER, id);

export const containerInstance = (
  id: string,
  more: Partial<ContainerInstanceRow> = {},
): ContainerInstanceRow => ({
  arn: instanceArn(id),
  id,
  region: REGION,
  clusterName: CLUSTER,
  clusterArn: clusterArn(REGION, ACCOUNT, CLUSTER),
  ec2InstanceId: `i-${id}`,
  status: "ACTIVE",
  agentConnected: true,
  registeredAt: 0,
  versionInfo: { agentVersion: "1.105.1" },
  registered: { cpu: 2048, memoryMiB: 3900 },
  reservedTcpPorts: [22, 2375, 2376, 51678, 51679],
  reservedUdpPorts: [],
  attributes: [{ name: "ecs.availability-zone", value: more.availabilityZone ?? "us-east-1a" }],
  availabilityZone: "us-east-1a",
  version: 1,
  tags: {},
  ...more,
});

export const host = (id: string, n: number): InstanceRow => ({
  id: `i-${id}`,
  region: REGION,
  reservationId: "r-1",
  ownerId: ACCOUNT,
  imageId: "ami-1",
  instanceType: "t3.medium",
  state: "running",
  launchTime: 0,
  launchIndex: 0,
  availabilityZone: "us-east-1a",
  vpcId: "vpc-1",
  subnetId: "subnet-1",
  privateIp: `10.64.0.${n}`,
  macAddress: "02:00:00:00:00:01",
  networkInterfaceId: "eni-1",
  securityGroupIds: [],
  metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2, httpEndpoint: "enabled" },
  tags: {},
});

/** One container instance a zone given, each with its EC2 instance. */
export async function addInstances(
  { store }: World,
  zones: readonly string[],
  more: Partial<ContainerInstanceRow> = {},
): Promise<void> {
  for (const [n, availabilityZone] of zones.entries()) {
    const id = `c${n}`;
    await store.transact((tx) => {
      const row = containerInstance(id, { availabilityZone, ...more });
      tx.put(ecs.containerInstances, containerInstanceKey(REGION, CLUSTER, id), row);
      tx.put(ec2.instances, ec2Key(REGION, `i-${id}`), host(id, n + 4));
    });
  }
}

/** Attributes that make an instance one for awsvpc tasks: t3.medium has two interfaces beside its own. */
export const interfaceAttributes = (zone = "us-east-1a") => [
  { name: "ecs.availability-zone", value: zone },
  { name: "ecs.instance-type", value: "t3.medium" },
  { name: "ecs.vpc-id", value: "vpc-1" },
  { name: "ecs.capability.task-eni" },
];

/** Subnets of `vpc-1`, `subnet-<n>` in each zone given; 11 addresses each can be handed out. */
export async function addSubnets({ store }: World, zones: readonly string[]): Promise<AwsvpcConfiguration> {
  const ids = zones.map((_, n) => `subnet-${n}`);
  await store.transact((tx) => {
    const place = { region: REGION, tags: {} };
    tx.put(ec2.vpcs, ec2Key(REGION, "vpc-1"), {
      ...place,
      id: "vpc-1",
      cidrBlock: "10.64.0.0/16",
      isDefault: true,
    });
    tx.put(ec2.securityGroups, ec2Key(REGION, "sg-1"), {
      ...place,
      id: "sg-1",
      vpcId: "vpc-1",
      name: "default",
      description: "",
      rules: [],
    });
    for (const [n, availabilityZone] of zones.entries())
      tx.put(ec2.subnets, ec2Key(REGION, `subnet-${n}`), {
        ...place,
        id: `subnet-${n}`,
        vpcId: "vpc-1",
        cidrBlock: `10.64.${n}.0/28`,
        availabilityZone,
        availabilityZoneId: `use1-az${n + 1}`,
        defaultForAz: true,
        mapPublicIpOnLaunch: false,
      });
  });
  return { vpcId: "vpc-1", subnetIds: ids, securityGroupIds: ["sg-1"], assignPublicIp: "DISABLED" };
}

export async function addDefinition(
  { store }: World,
  revision = 1,
  more: Partial<TaskDefinitionBody> = {},
): Promise<string> {
  const arn = taskDefinitionArn(REGION, ACCOUNT, "web", revision);
  await store.transact((tx) =>
    tx.put(ecs.taskDefinitions, taskDefinitionKey(REGION, "web", revision), {
      arn,
      region: REGION,
      family: "web",
      revision,
      status: "ACTIVE",
      body: {
        family: "web",
        networkMode: "bridge",
        containerDefinitions: [
          {
            name: "app",
            image: `web:${revision}`,
            memory: 128,
            essential: true,
            portMappings: [{ containerPort: 80, hostPort: 0, protocol: "tcp" }],
          },
        ],
        ...more,
      },
      registeredAt: 0,
      registeredBy: "root",
      tags: {},
    }),
  );
  return arn;
}

/** A role that tasks may have, or that only this service may assume. Answers its ARN. */
export async function addRole({ store }: World, service = "ecs-tasks.amazonaws.com"): Promise<string> {
  const arn = `arn:aws:iam::${ACCOUNT}:role/app`;
  const Statement = { Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" };
  const assumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  const made = newRole(
    { arn, name: "app", path: "/", assumeRolePolicyDocument, tags: {} },
    seededRandom(1),
    0,
  );
  await store.transact((tx) => tx.put(iam.roles, "app", made));
  return arn;
}

export const targetGroup = (name: string, more: Partial<TargetGroupRow> = {}): TargetGroupRow => ({
  arn: `arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:targetgroup/${name}/0123456789abcdef`,
  id: `${name}-id`,
  region: REGION,
  name,
  protocol: "HTTP",
  protocolVersion: "HTTP1",
  port: 80,
  vpcId: "vpc-1",
  targetType: "instance",
  ipAddressType: "ipv4",
  healthCheck: {
    enabled: true,
    protocol: "HTTP",
    port: "traffic-port",
    path: "/",
    intervalSeconds: 30,
    timeoutSeconds: 5,
    healthyThresholdCount: 5,
    unhealthyThresholdCount: 2,
    matcher: "200",
  },
  attributes: { "deregistration_delay.timeout_seconds": "300" },
  createdAt: 0,
  tags: {},
  ...more,
});

export async function addTargetGroup({ store }: World, row: TargetGroupRow): Promise<string> {
  await store.transact((tx) => tx.put(elbv2.targetGroups, `${REGION}/${row.name}`, row));
  return row.arn;
}

export const serviceInput = (more: Partial<NewServiceInput> = {}): NewServiceInput => ({
  region: REGION,
  account: ACCOUNT,
  clusterName: CLUSTER,
  clusterArn: clusterArn(REGION, ACCOUNT, CLUSTER),
  name: "web",
  desiredCount: 2,
  specification: {
    taskDefinitionArn: taskDefinitionArn(REGION, ACCOUNT, "web", 1),
    launchType: "EC2",
    loadBalancers: [],
  },
  containerImages: [],
  minimumHealthyPercent: 100,
  maximumPercent: 200,
  placementConstraints: [],
  placementStrategy: [],
  enableEcsManagedTags: false,
  propagateTags: "NONE",
  enableExecuteCommand: false,
  createdBy: "root",
  tags: {},
  ...more,
});

export const deploymentNumber = (n: number): string => `1${String(n).padStart(18, "0")}`;

export async function addService(
  { store, clock }: World,
  more: Partial<NewServiceInput> = {},
): Promise<ServiceRow> {
  const rows = newService(serviceInput(more), deploymentNumber(1), clock.now());
  await store.transact((tx) => {
    tx.put(ecs.services, SERVICE_KEY, rows.service);
    tx.put(
      ecs.serviceDeployments,
      serviceChildKey(REGION, CLUSTER, "web", rows.deployment.id),
      rows.deployment,
    );
  });
  return rows.service;
}

export async function changeService(
  { store, clock }: World,
  change: ServiceChange,
  n: number,
): Promise<void> {
  await store.transact((tx) => {
    const before = tx.get(ecs.services, SERVICE_KEY) as ServiceRow;
    const { service, deployment } = updateService(before, change, ACCOUNT, deploymentNumber(n), clock.now());
    tx.put(ecs.services, SERVICE_KEY, service);
    if (deployment !== undefined)
      tx.put(ecs.serviceDeployments, serviceChildKey(REGION, CLUSTER, "web", deployment.id), deployment);
  });
}

export const runTaskRequest = (more: Partial<PlacementRequest> = {}): PlacementRequest => ({
  region: REGION,
  account: ACCOUNT,
  clusterName: CLUSTER,
  taskDefinitionArn: taskDefinitionArn(REGION, ACCOUNT, "web", 1),
  count: 1,
  launchType: "EC2",
  group: "family:web",
  overrides: {},
  constraints: [],
  strategy: [],
  enableExecuteCommand: false,
  tags: {},
  ...more,
});

export const allTasks = ({ store }: Pick<World, "store">): readonly TaskRow[] =>
  [...store.scan(ecs.tasks)].map(([, row]) => row);
export const eventTexts = ({ store }: Pick<World, "store">): readonly string[] =>
  [...store.scan(ecs.serviceEvents)].map(([, row]) => row.message.replace("(service web) ", ""));
export const theService = ({ store }: Pick<World, "store">): ServiceRow =>
  store.get(ecs.services, SERVICE_KEY) as ServiceRow;

export async function changeTask(
  { store }: Pick<World, "store">,
  task: Pick<TaskRow, "id">,
  change: (row: TaskRow) => TaskRow,
): Promise<void> {
  const key = taskKey(REGION, CLUSTER, task.id);
  await store.transact((tx) => tx.put(ecs.tasks, key, change(tx.get(ecs.tasks, key) as TaskRow)));
}

/** Lets every promise, write and watch go on until nothing moves any more. */
export async function quiet(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i += 1) await settle();
}
