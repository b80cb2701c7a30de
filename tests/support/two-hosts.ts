// A cluster of two simulated hosts with a task on each: where one host can be set against the other.
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
} from "@aws-sdk/client-ecs";
import * as stack from "#cli/demo/stack.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { eventually } from "./estiba.ts";
import { call } from "./signed-request.ts";
import type { SimulatedServer } from "./simulated-server.ts";

export interface Host {
  readonly instanceId: string;
  readonly containerInstanceArn: string;
  readonly taskArn: string;
}

export const CLUSTER = stack.NAME;
export const SERVICE = "spread";

/** Makes the role `app` and answers its ARN. */
export async function createAppRole({ connection }: SimulatedServer): Promise<string> {
  const iam = new IAMClient({ ...connection, maxAttempts: 1 });
  const trust = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" },
    ],
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: "app", AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  iam.destroy();
  return Role?.Arn ?? "";
}

/** Answers the definition's ARN; tasks of it hold the role `app` when it is given. */
export async function registerApp(
  { clients }: SimulatedServer,
  more: Partial<RegisterTaskDefinitionCommandInput> = {},
): Promise<string> {
  const { taskDefinition } = await clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "app",
      containerDefinitions: [
        { name: "app", image: "app:1", cpu: 64, memory: 64, healthCheck: { command: ["CMD", "true"] } },
      ],
      ...more,
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? "";
}

/** Two hosts of the cluster `web`, registered. */
export async function runHosts(server: SimulatedServer): Promise<readonly ContainerInstanceRow[]> {
  await server.clients.ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  await stack.runInstances(server.clients, await stack.findPlace(server.clients));
  return eventually(
    "two connected container instances",
    () => {
      const rows = Array.from(server.store.scan(containerInstances), ([, row]) => row);
      return rows.filter((row) => row.agentConnected).length === 2 ? rows : undefined;
    },
    20,
  );
}

/** The service's tasks that run. */
export const runningTasks = ({ store }: SimulatedServer): readonly TaskRow[] =>
  Array.from(store.scan(tasks), ([, row]) => row).filter((row) => row.lastStatus === "RUNNING");

export async function startTwoHosts(server: SimulatedServer): Promise<readonly [Host, Host]> {
  const taskRoleArn = await createAppRole(server);
  const rows = await runHosts(server);
  for (const row of rows) await registerForRoles(server, row);
  await server.clients.ecs.send(
    new CreateServiceCommand({
      cluster: CLUSTER,
      serviceName: SERVICE,
      taskDefinition: await registerApp(server, { taskRoleArn }),
      desiredCount: 2,
    }),
  );
  const running = await eventually(
    "a task on each",
    () => {
      const found = runningTasks(server);
      return found.length === 2 ? found : undefined;
    },
    20,
  );
  const [a, b] = rows.map((row): Host => {
    const task = running.find((t) => t.containerInstanceArn === row.arn);
    if (task === undefined || row.ec2InstanceId === undefined) throw new Error(`Nothing runs on ${row.arn}.`);
    return { instanceId: row.ec2InstanceId, containerInstanceArn: row.arn, taskArn: task.arn };
  });
  if (a === undefined || b === undefined) throw new Error("There are not two hosts.");
  return [a, b];
}

/** Simulated agents serve no credentials; one that says it does is given tasks with roles, and their credentials. */
async function registerForRoles(server: SimulatedServer, row: ContainerInstanceRow): Promise<void> {
  const instanceId = row.ec2InstanceId ?? "";
  const { document, signature } = await server.identityOf(instanceId);
  const resource = (name: string, integerValue: number) => ({ name, type: "INTEGER", integerValue });
  const answer = await call(
    "ecs",
    "RegisterContainerInstance",
    {
      cluster: CLUSTER,
      containerInstanceArn: row.arn,
      instanceIdentityDocument: document,
      instanceIdentityDocumentSignature: signature,
      totalResources: [resource("CPU", row.registered.cpu), resource("MEMORY", row.registered.memoryMiB)],
      attributes: [...row.attributes, { name: "com.amazonaws.ecs.capability.task-iam-role" }],
    },
    { endpoint: server.endpoint, credentials: await server.credentialsOf(instanceId) },
  );
  if (answer.status !== 200) throw new Error(`${instanceId} could not register: ${answer.text}`);
}

export const taskRow = ({ store }: SimulatedServer, arn: string): TaskRow | undefined =>
  store.get(tasks, keyOfEcsArn(arn) ?? "");
export const instanceRow = ({ store }: SimulatedServer, arn: string): ContainerInstanceRow | undefined =>
  store.get(containerInstances, keyOfEcsArn(arn) ?? "");
