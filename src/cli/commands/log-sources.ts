// Where a service's containers write their logs: read from its task definitions, through the ECS API.
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  paginateListTasks,
  type ECSClient,
  type TaskDefinition,
} from "@aws-sdk/client-ecs";

/** The streams of one container of a service: `<prefix>/<container>/<task id>`. */
export interface LogSource {
  readonly region: string;
  readonly group: string;
  readonly prefix: string;
  readonly container: string;
}

/** @throws Error that says what to change when the service writes nothing that could be found */
export async function logSources(ecs: ECSClient, cluster: string, name: string): Promise<LogSource[]> {
  const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [name] }));
  const service = services.find((s) => s.status !== "INACTIVE");
  if (service === undefined)
    throw new Error(`There is no service ${name} in the cluster ${cluster}. Another one: --cluster <name>`);
  const arns = new Set([service.taskDefinition, ...(service.deployments ?? []).map((d) => d.taskDefinition)]);
  const definitions: TaskDefinition[] = [];
  for (const taskDefinition of arns) {
    if (taskDefinition === undefined) continue;
    const answer = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
    if (answer.taskDefinition !== undefined) definitions.push(answer.taskDefinition);
  }
  const found = new Map(definitions.flatMap(sourcesOf).map((source) => [JSON.stringify(source), source]));
  if (found.size > 0) return [...found.values()];
  throw new Error(unreadable(name, definitions));
}

function sourcesOf({ containerDefinitions = [] }: TaskDefinition): LogSource[] {
  return containerDefinitions.flatMap(({ name: container = "", logConfiguration: log }) => {
    const {
      "awslogs-group": group,
      "awslogs-region": region,
      "awslogs-stream-prefix": prefix,
    } = log?.logDriver === "awslogs" ? (log.options ?? {}) : {};
    if (group === undefined || region === undefined || prefix === undefined) return [];
    return [{ region, group, prefix, container }];
  });
}

function unreadable(service: string, definitions: readonly TaskDefinition[]): string {
  const containers = definitions.flatMap((d) => d.containerDefinitions ?? []);
  const [definition] = definitions;
  const what = `${definition?.family ?? service}:${definition?.revision ?? "?"}`;
  if (containers.some((c) => c.logConfiguration?.logDriver === "awslogs"))
    return `The containers of ${what} write to CloudWatch Logs without awslogs-stream-prefix, so their streams are named by container ids. Add the option "awslogs-stream-prefix" to their logConfiguration.`;
  const drivers = [...new Set(containers.map((c) => c.logConfiguration?.logDriver ?? "the engine's own"))];
  return [
    `No container of ${what} writes to CloudWatch Logs (log driver: ${drivers.join(", ")}). Give one this, and deploy:`,
    `  "logConfiguration": { "logDriver": "awslogs", "options": {`,
    `    "awslogs-group": "/ecs/${service}", "awslogs-region": "…", "awslogs-stream-prefix": "${service}", "awslogs-create-group": "true" } }`,
  ].join("\n");
}

/** Ids of the service's tasks, those that stopped within the hour included. */
export async function taskIdsOf(ecs: ECSClient, cluster: string, serviceName: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const desiredStatus of ["RUNNING", "STOPPED"] as const)
    for await (const page of paginateListTasks({ client: ecs }, { cluster, serviceName, desiredStatus }))
      for (const arn of page.taskArns ?? []) ids.add(arn.slice(arn.lastIndexOf("/") + 1));
  return ids;
}
