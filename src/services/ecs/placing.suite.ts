// The service over a cluster that can place tasks: rows of instances, the real Placement, a real gateway. Agents are played by
// the test, through the transitions that their reports cause.
import { ECS } from "@aws-sdk/client-ecs";
import { createPlacement } from "#controllers/placement/placement.ts";
import {
  ACCOUNT,
  addTargetGroup,
  createWorld,
  REGION,
  targetGroup,
  type World,
} from "#controllers/world.suite.ts";
import type { TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import { accessKeyId, rolesMay, secretAccessKey, startGateway } from "#gateway/gateway.suite.ts";
import type { Principal } from "#gateway/service-definition.ts";
import { listeners } from "#store/tables/elbv2.ts";
import { createEcsService } from "./service.ts";

/** A container of the given name with one port, small enough for many on an instance. */
export const container = (more: object = {}) => ({
  name: "app",
  image: "web:1",
  memory: 128,
  portMappings: [{ containerPort: 80 }],
  ...more,
});

export interface PlacingFixture {
  readonly world: World;
  /** Signs as root in the world's region. Its cluster is `main`. */
  readonly client: ECS;
  /** A client that signs with that task's role. */
  asTask(taskArn: string): ECS;
  /** Registers `family` with one container; answers the ARN. */
  define(family?: string, more?: object): Promise<string>;
  /** A target group, behind a listener unless said otherwise; answers its ARN. */
  targetGroup(name: string, more?: Partial<TargetGroupRow>, hasListener?: boolean): Promise<string>;
  close(): Promise<void>;
}

const taskPrincipal = (taskArn: string): Principal => ({
  type: "task",
  taskArn,
  account: ACCOUNT,
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/app/${taskArn.split("/").at(-1)}`,
  id: "AROAEXAMPLE:task",
  roleArn: `arn:aws:iam::${ACCOUNT}:role/app`,
});

export async function createPlacingFixture(): Promise<PlacingFixture> {
  const world = await createWorld();
  const placement = createPlacement(world.base);
  await placement.start();
  const principal = {
    type: "root" as const,
    arn: `arn:aws:iam::${ACCOUNT}:root`,
    account: ACCOUNT,
    id: ACCOUNT,
  };
  const gateway = await startGateway({
    authorizer: rolesMay("ecs:*"),
    account: ACCOUNT,
    credentials: {
      // The session token of a test is the ARN of the task whose role signs.
      resolve: (id, token) =>
        id === accessKeyId
          ? { secretAccessKey, principal: token === undefined ? principal : taskPrincipal(token) }
          : undefined,
    },
    services: [
      createEcsService({
        ...world.base,
        placement,
        ingest: { taskReport: () => Promise.resolve() },
        verifyIdentityDocument: () => false,
      }),
    ],
  });
  const asTask = (sessionToken?: string) =>
    new ECS({
      endpoint: gateway.url,
      region: REGION,
      maxAttempts: 1,
      credentials: {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
    });
  const client = asTask();
  return {
    world,
    client,
    asTask,
    async define(family = "web", more = {}) {
      const input = { family, containerDefinitions: [container()], ...more };
      const { taskDefinition } = await client.registerTaskDefinition(input);
      return taskDefinition?.taskDefinitionArn ?? "";
    },
    async targetGroup(name, more = {}, hasListener = true) {
      const arn = await addTargetGroup(world, targetGroup(name, more));
      if (hasListener)
        await world.store.transact((tx) =>
          tx.put(listeners, `${REGION}/web/${name}`, {
            arn: `arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:listener/app/web/1/${name}`,
            id: name,
            region: REGION,
            loadBalancerArn: `arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:loadbalancer/app/web/1`,
            port: 80,
            protocol: "HTTP",
            defaultAction: { type: "forward", targetGroups: [{ arn, weight: 1 }] },
            attributes: {},
            tags: {},
          }),
        );
      return arn;
    },
    async close() {
      await placement.close();
      await gateway.close();
      await world.store.close();
    },
  };
}
