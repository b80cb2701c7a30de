// The service behind a real gateway on a loopback port, over a memory store: tests speak to it with the official SDK.
import { createHash } from "node:crypto";
import { ECS } from "@aws-sdk/client-ecs";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { newDefaultVpc } from "#domain/ec2/default-vpc.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { RoleRow } from "#domain/iam/records.ts";
import type { AgentIngest } from "#domain/ports/agent-ingest.ts";
import type { Principal } from "#gateway/service-definition.ts";
import { account, accessKeyId, rolesMay, secretAccessKey, startGateway } from "#gateway/gateway.suite.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { AnyTable, Store } from "#store/store.ts";
import * as ec2 from "#store/tables/ec2.ts";
import * as ecs from "#store/tables/ecs.ts";
import * as elbv2 from "#store/tables/elbv2.ts";
import * as iam from "#store/tables/iam.ts";
import * as servicediscovery from "#store/tables/servicediscovery.ts";
import type { EcsDependencies } from "./dependencies.ts";
import { createEcsService } from "./service.ts";

export const REGION = "us-east-1";
export const ACCOUNT = account;

export interface Fixture {
  readonly store: Store;
  readonly clock: TestClock;
  /** Signs as root, in us-east-1. */
  readonly client: ECS;
  readonly endpoint: string;
  readonly reports: Parameters<AgentIngest["taskReport"]>[0][];
  /** A client that signs with another principal's credentials, or in another region. */
  as(who: { readonly instanceId?: string; readonly region?: string }): ECS;
  /** Puts a running EC2 instance into a zone of the default VPC. */
  host(id: string, changes?: Partial<InstanceRow>): Promise<InstanceRow>;
  role(name: string): Promise<string>;
  close(): Promise<void>;
}

/** What an instance's metadata service would hand out: a document and its signature. */
export function identityDocument(host: InstanceRow): {
  readonly document: string;
  readonly signature: string;
} {
  const document = JSON.stringify({
    instanceId: host.id,
    accountId: host.ownerId,
    region: host.region,
    availabilityZone: host.availabilityZone,
    instanceType: host.instanceType,
    imageId: host.imageId,
    architecture: "x86_64",
    privateIp: host.privateIp,
  });
  return { document, signature: sign(document) };
}

const sign = (document: string): string => createHash("sha256").update(`signed ${document}`).digest("base64");

export async function createFixture(changes: Partial<EcsDependencies> = {}): Promise<Fixture> {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [ec2, ecs, elbv2, iam, servicediscovery].flatMap((group) => Object.values(group) as AnyTable[]),
  });
  const clock = new TestClock();
  const random = seededRandom(7);
  const reports: Fixture["reports"] = [];
  const { vpc, subnets, securityGroup } = newDefaultVpc(REGION, "10.64.0.0/16", random);
  await store.transact((tx) => {
    tx.put(ec2.vpcs, ec2Key(REGION, vpc.id), vpc);
    for (const subnet of subnets) tx.put(ec2.subnets, ec2Key(REGION, subnet.id), subnet);
  });
  const service = createEcsService({
    store,
    clock,
    random,
    logger: silentLogger,
    account: ACCOUNT,
    placement: { place: () => Promise.reject(new Error("This test places no task")) },
    ingest: { taskReport: async (report) => void reports.push(report) },
    verifyIdentityDocument: (document, signature) => signature === sign(document),
    ...changes,
  });
  const root: Principal = {
    type: "root",
    arn: `arn:aws:iam::${ACCOUNT}:root`,
    account: ACCOUNT,
    id: ACCOUNT,
  };
  const instance = (instanceId: string): Principal => ({
    type: "instance",
    account: ACCOUNT,
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/ecsInstanceRole/${instanceId}`,
    id: `AROAEXAMPLE:${instanceId}`,
    roleArn: `arn:aws:iam::${ACCOUNT}:role/ecsInstanceRole`,
    instanceId,
  });
  const gateway = await startGateway({
    services: [service],
    authorizer: rolesMay("ecs:*"),
    credentials: {
      // The session token of a test is the instance's id.
      resolve: (id, token) =>
        id === accessKeyId
          ? { secretAccessKey, principal: token === undefined ? root : instance(token) }
          : undefined,
    },
  });
  const as: Fixture["as"] = ({ instanceId, region = REGION }) =>
    new ECS({
      endpoint: gateway.url,
      region,
      maxAttempts: 1,
      credentials: {
        accessKeyId,
        secretAccessKey,
        ...(instanceId === undefined ? {} : { sessionToken: instanceId }),
      },
    });
  return {
    store,
    clock,
    reports,
    as,
    client: as({}),
    endpoint: gateway.url,
    async host(id, change = {}) {
      const subnet = subnets[0];
      if (subnet === undefined) throw new Error("no subnet");
      const row: InstanceRow = {
        id,
        region: REGION,
        reservationId: "r-1",
        ownerId: ACCOUNT,
        imageId: "ami-0e571ba0000000001",
        instanceType: "t3.small",
        state: "running",
        launchTime: 0,
        launchIndex: 0,
        availabilityZone: subnet.availabilityZone,
        vpcId: vpc.id,
        subnetId: subnet.id,
        privateIp: "10.64.0.4",
        macAddress: "02:00:00:00:00:01",
        networkInterfaceId: "eni-1",
        securityGroupIds: [securityGroup.id],
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2, httpEndpoint: "enabled" },
        tags: {},
        ...change,
      };
      await store.transact((tx) => tx.put(ec2.instances, ec2Key(row.region, id), row));
      return row;
    },
    async role(name) {
      const row: RoleRow = {
        arn: `arn:aws:iam::${ACCOUNT}:role/${name}`,
        id: "AROAEXAMPLE",
        name,
        path: "/",
        assumeRolePolicyDocument: "{}",
        maxSessionDuration: 3600,
        attachedPolicies: [],
        inlinePolicies: {},
        createdAt: 0,
        tags: {},
      };
      await store.transact((tx) => tx.put(iam.roles, name, row));
      return row.arn;
    },
    async close() {
      await gateway.close();
      await store.close();
    },
  };
}

/** A client whose requests carry `body` instead of what the SDK makes of its input: what agents send and the model lacks. */
export function sending(client: ECS, body: unknown): ECS {
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as { body: string }).body = JSON.stringify(body);
      return next(args);
    },
    { step: "build", priority: "high" },
  );
  return client;
}

/** The refusal of a call as `code: words`; its answer when it is not refused. */
export async function refusal(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error;
  }
}
