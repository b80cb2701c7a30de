// A gateway on a loopback port with a few operations per protocol, for the gateway's own tests.
import { createServer, type Server, type ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import type { EC2 } from "@aws-sdk/client-ec2";
import type { ECS } from "@aws-sdk/client-ecs";
import type { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { systemClock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { LogFields, Logger } from "#lib/logger.ts";
import { systemRandom } from "#lib/random.ts";
import { parsePolicy } from "#iam/parse.ts";
import { WriteFailed } from "#store/store.ts";
import { createAuthorizer } from "./authorize.ts";
import { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { applyServerLimits, serverOptions } from "./server-limits.ts";
import type {
  Authorizer,
  OperationTable,
  Principal,
  RequestContext,
  ServiceDefinition,
} from "./service-definition.ts";

export const account = "123456789012";
export const accessKeyId = "AKIAESTIBAROOTTEST01";
export const secretAccessKey = "an/example+secret that is only a test";
const root: Principal = { type: "root", arn: `arn:aws:iam::${account}:root`, account, id: account };

/** What an operation was called with. */
export interface Call {
  readonly action: string;
  readonly input: unknown;
  readonly context: RequestContext;
}

export function testServices(calls: Call[]): ServiceDefinition[] {
  const seen = <T>(context: RequestContext, input: unknown, output: T): T => {
    calls.push({ action: context.action, input, context });
    return output;
  };
  const ecs = {
    RunTask: (input, context) =>
      seen(context, input, {
        tasks: [
          {
            taskArn: `arn:aws:ecs:${context.region}:${account}:task/web/1`,
            createdAt: new Date(1767225600123),
          },
        ],
        failures: [],
      }),
    RegisterTaskDefinition: (input, context) => seen(context, input, {}),
    CreateCluster: (input, context) =>
      seen(context, input, { cluster: { clusterName: input.clusterName ?? "default" } }),
    DescribeClusters: () => {
      throw new ServiceError("ClusterNotFoundException", "Cluster not found.", { members: { extra: ["a"] } });
    },
    ListClusters: () => {
      throw new Error("the secret inside of the server");
    },
    DeleteCluster: () => {
      throw new WriteFailed("The state could not be written: ENOSPC");
    },
  } satisfies OperationTable<ECS>;
  const ec2 = {
    DescribeInstances: (input, context) =>
      seen(context, input, {
        Reservations: [
          {
            ReservationId: "r-1",
            Instances: [
              {
                InstanceId: "i-1",
                LaunchTime: new Date(1767225600000),
                Tags: [{ Key: "a<&>b", Value: "x\u0000\ny" }],
              },
            ],
          },
        ],
      }),
    CreateTags: (input, context) => seen(context, input, {}),
    RunInstances: (input, context) => seen(context, input, { Instances: [] }),
  } satisfies OperationTable<EC2>;
  const elbv2 = {
    RegisterTargets: (input, context) => seen(context, input, {}),
    CreateTargetGroup: (input, context) =>
      seen(context, input, { TargetGroups: [{ TargetGroupName: input.Name }] }),
    DescribeLoadBalancers: () => {
      throw new ServiceError("LoadBalancerNotFoundException", "One or more load balancers not found");
    },
    DescribeTargetGroups: () => {
      throw new Error("the secret inside of the server");
    },
  } satisfies OperationTable<ElasticLoadBalancingV2>;
  return [
    {
      name: "ecs",
      signingName: "ecs",
      protocol: "awsJson1_1",
      wireName: "AmazonEC2ContainerServiceV20141113",
      loadSchemas: () => import("@aws-sdk/client-ecs"),
      operations: ecs,
    },
    {
      name: "ec2",
      signingName: "ec2",
      protocol: "ec2",
      wireName: "2016-11-15",
      loadSchemas: () => import("@aws-sdk/client-ec2"),
      operations: ec2,
    },
    {
      name: "elasticloadbalancing",
      signingName: "elasticloadbalancing",
      protocol: "query",
      wireName: "2015-12-01",
      loadSchemas: () => import("@aws-sdk/client-elastic-load-balancing-v2"),
      operations: elbv2,
    },
    {
      name: "sts",
      signingName: "sts",
      protocol: "query",
      wireName: "2011-06-15",
      global: true,
      loadSchemas: () => import("@aws-sdk/client-sts"),
      operations: {
        GetCallerIdentity: (_input: unknown, { principal }) => ({
          Arn: principal.arn,
          Account: account,
          UserId: principal.id,
        }),
      },
    },
  ];
}

/** Every role's sessions may do these actions on everything. */
export const rolesMay = (...actions: readonly string[]): Authorizer => {
  const Statement = { Effect: "Allow", Action: actions, Resource: "*" };
  const policies =
    actions.length === 0
      ? []
      : [parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }), "identity")];
  return createAuthorizer({ clock: systemClock, grantsOf: () => ({ identity: policies, tags: {} }) });
};

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
  readonly server: Server;
  readonly calls: Call[];
  readonly log: { readonly message: string; readonly fields: LogFields | undefined }[];
  close(): Promise<void>;
}

export async function startGateway(
  changes: Partial<GatewayOptions> = {},
  listener: ServerOptions = serverOptions,
): Promise<TestGateway> {
  const calls: Call[] = [];
  const log: TestGateway["log"] = [];
  const write = (message: string, fields?: LogFields) => void log.push({ message, fields });
  const logger: Logger = { debug: write, info: write, warn: write, error: write, with: () => logger };
  const gateway = createGateway({
    services: testServices(calls),
    credentials: {
      resolve: (id, token) =>
        id === accessKeyId && token === undefined ? { secretAccessKey, principal: root } : undefined,
    },
    authorizer: rolesMay(),
    account,
    clock: systemClock,
    random: systemRandom,
    logger,
    ...changes,
  });
  const server = createServer(listener, (req, res) => void gateway.handle(req, res));
  applyServerLimits(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, port, gateway, server, calls, log, close };
}

/** Options for a real SDK client against a test gateway. */
export const clientOptions = (gateway: TestGateway) => ({
  endpoint: gateway.url,
  region: "eu-west-1",
  credentials: { accessKeyId, secretAccessKey },
  maxAttempts: 1,
});
