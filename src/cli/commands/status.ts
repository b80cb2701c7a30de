// `estiba status`: whether the server runs, how it is reached, and what runs in it, read through the public API.
// Instances that no cluster has are shown too: who waits for one to join looks here first.
import {
  DescribeClustersCommand,
  DescribeContainerInstancesCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  paginateListClusters,
  paginateListContainerInstances,
  paginateListServices,
  paginateListTasks,
  type ContainerInstance,
  type ECSClient,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import { paginateDescribeInstances, type EC2Client, type Instance } from "@aws-sdk/client-ec2";
import { clientsFor, connect } from "../connection.ts";

export async function printStatus(dataDirectory: string, print: (line: string) => void): Promise<void> {
  const connection = connect(dataDirectory);
  const clients = clientsFor(connection);
  try {
    const simulated = connection.engine === "sim" ? "  (simulated hosts and containers)" : "";
    print(
      `estiba  ${connection.endpoint}  pid ${connection.pid}  ${connection.region}  account ${connection.account}${simulated}`,
    );
    const arns = await collect(paginateListClusters({ client: clients.ecs }, {}), (page) => page.clusterArns);
    if (arns.length === 0) print("no cluster");
    const joined = new Set<string | undefined>();
    for (const arn of arns) for (const id of await printCluster(clients.ecs, arn, print)) joined.add(id);
    await printOthers(clients.ec2, joined, print);
  } finally {
    clients.close();
  }
}

/** Answers the ids of its instances. */
async function printCluster(
  ecs: ECSClient,
  arn: string,
  print: (line: string) => void,
): Promise<readonly (string | undefined)[]> {
  const { clusters } = await ecs.send(new DescribeClustersCommand({ clusters: [arn] }));
  print(`cluster ${clusters?.[0]?.clusterName ?? arn}`);
  const [services, instances, tasks] = await Promise.all([
    servicesOf(ecs, arn),
    instancesOf(ecs, arn),
    tasksOf(ecs, arn),
  ]);
  for (const service of services) print(`  service ${serviceLine(service)}`);
  for (const instance of instances) {
    print(`  instance ${instanceLine(instance)}`);
    for (const task of tasks.filter((t) => t.containerInstanceArn === instance.containerInstanceArn))
      print(`    task ${taskLine(task)}`);
  }
  const known = new Set(instances.map((i) => i.containerInstanceArn));
  for (const task of tasks.filter((t) => !known.has(t.containerInstanceArn)))
    print(`  task ${taskLine(task)}`);
  return instances.map((i) => i.ec2InstanceId);
}

async function printOthers(
  ec2: EC2Client,
  joined: ReadonlySet<string | undefined>,
  print: (line: string) => void,
): Promise<void> {
  const others: Instance[] = [];
  const Filters = [{ Name: "instance-state-name", Values: ["pending", "running", "shutting-down"] }];
  for await (const page of paginateDescribeInstances({ client: ec2 }, { Filters }))
    for (const { Instances } of page.Reservations ?? [])
      others.push(...(Instances ?? []).filter((i) => !joined.has(i.InstanceId)));
  if (others.length === 0) return;
  print("in no cluster (`estiba aws ec2 get-console-output --output text --instance-id …` tells why)");
  for (const { InstanceId, InstanceType, State } of others)
    print(`  instance ${InstanceId}  ${InstanceType}  ${State?.Name}`);
}

function serviceLine(service: Service): string {
  const deployments = (service.deployments ?? [])
    .map((d) => `${d.taskDefinition?.split("/").at(-1)} ${d.rolloutState}`)
    .join(", ");
  return `${service.serviceName}  ${service.status}  ${service.runningCount}/${service.desiredCount} running, ${service.pendingCount} pending  [${deployments}]`;
}

function instanceLine(instance: ContainerInstance): string {
  const left = (name: string) => instance.remainingResources?.find((r) => r.name === name)?.integerValue ?? 0;
  const agent = instance.agentConnected ? "connected" : "DISCONNECTED";
  return `${instance.ec2InstanceId ?? instance.containerInstanceArn?.split("/").at(-1)}  ${instance.status}  agent ${agent}  free: ${left("CPU")} CPU units, ${left("MEMORY")} MiB`;
}

function taskLine(task: Task): string {
  const ports = (task.containers ?? [])
    .flatMap((c) => (c.networkBindings ?? []).map((b) => `:${b.hostPort}→${b.containerPort}`))
    .join(" ");
  const health = task.healthStatus === "UNKNOWN" ? "" : `  ${task.healthStatus}`;
  return `${task.taskArn?.split("/").at(-1)?.slice(0, 12)}  ${task.taskDefinitionArn?.split("/").at(-1)}  ${task.lastStatus}${health}  ${ports}`.trimEnd();
}

async function servicesOf(client: ECSClient, cluster: string): Promise<readonly Service[]> {
  const arns = await collect(
    paginateListServices({ client }, { cluster, maxResults: 100 }),
    (page) => page.serviceArns,
  );
  return inBatches(
    arns,
    10,
    async (services) => (await client.send(new DescribeServicesCommand({ cluster, services }))).services,
  );
}

async function instancesOf(client: ECSClient, cluster: string): Promise<readonly ContainerInstance[]> {
  const arns = await collect(
    paginateListContainerInstances({ client }, { cluster }),
    (page) => page.containerInstanceArns,
  );
  return inBatches(
    arns,
    100,
    async (containerInstances) =>
      (await client.send(new DescribeContainerInstancesCommand({ cluster, containerInstances })))
        .containerInstances,
  );
}

async function tasksOf(client: ECSClient, cluster: string): Promise<readonly Task[]> {
  const arns = await collect(paginateListTasks({ client }, { cluster }), (page) => page.taskArns);
  return inBatches(
    arns,
    100,
    async (tasks) => (await client.send(new DescribeTasksCommand({ cluster, tasks }))).tasks,
  );
}

async function collect<Page>(
  pages: AsyncIterable<Page>,
  items: (page: Page) => string[] | undefined,
): Promise<string[]> {
  const all: string[] = [];
  for await (const page of pages) all.push(...(items(page) ?? []));
  return all;
}

async function inBatches<T>(
  arns: readonly string[],
  size: number,
  describe: (batch: string[]) => Promise<T[] | undefined>,
): Promise<T[]> {
  const all: T[] = [];
  for (let i = 0; i < arns.length; i += size) all.push(...((await describe(arns.slice(i, i + size))) ?? []));
  return all;
}
