// The service over a memory store with a default VPC and instances in it, for tests.
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { newDefaultVpc } from "#domain/ec2/default-vpc.ts";
import { ec2Key, type InstanceRow, type InstanceState } from "#domain/ec2/instance.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { AnyTable, Store } from "#store/store.ts";
import * as ec2 from "#store/tables/ec2.ts";
import * as elbv2 from "#store/tables/elbv2.ts";
import * as iam from "#store/tables/iam.ts";
import type { ProxyReady } from "#domain/ports/proxy-ready.ts";
import { elbv2Operations } from "./service.ts";

export const REGION = "us-east-1";
export const ACCOUNT = "123456789012";

export const context: RequestContext = {
  requestId: "r",
  region: REGION,
  account: ACCOUNT,
  principal: { type: "root", arn: `arn:aws:iam::${ACCOUNT}:root`, account: ACCOUNT, id: ACCOUNT },
  action: "",
  sourceIp: "127.0.0.1",
  userAgent: "",
  endpoint: "http://127.0.0.1:4566",
};

export interface Fixture {
  readonly store: Store;
  readonly clock: TestClock;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly deps: Parameters<typeof elbv2Operations>[0];
  readonly api: ReturnType<typeof elbv2Operations>;
  /** Puts an instance into the first zone, or the zone of that number. */
  instance(id: string, privateIp: string, zone?: number, state?: InstanceState): Promise<void>;
}

export async function createFixture(proxy?: ProxyReady): Promise<Fixture> {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [ec2, elbv2, iam].flatMap((group) => Object.values(group) as AnyTable[]),
  });
  const clock = new TestClock();
  const random = seededRandom(7);
  const { vpc, subnets, securityGroup } = newDefaultVpc(REGION, "10.64.0.0/16", random);
  await store.transact((tx) => {
    tx.put(ec2.vpcs, ec2Key(REGION, vpc.id), vpc);
    for (const subnet of subnets) tx.put(ec2.subnets, ec2Key(REGION, subnet.id), subnet);
    tx.put(ec2.securityGroups, ec2Key(REGION, securityGroup.id), securityGroup);
  });
  const deps = {
    store,
    clock,
    random,
    logger: silentLogger,
    account: ACCOUNT,
    proxy: proxy ?? { nodes: () => ["node-1"], settled: () => Promise.resolve() },
  };
  return {
    store,
    clock,
    deps,
    vpcId: vpc.id,
    subnetIds: subnets.map((s) => s.id),
    securityGroupId: securityGroup.id,
    api: elbv2Operations(deps),
    instance: (id, privateIp, zone = 0, state = "running") => {
      const subnet = subnets[zone];
      if (subnet === undefined) throw new Error("no such zone");
      const row: InstanceRow = {
        id,
        region: REGION,
        reservationId: "r-1",
        ownerId: ACCOUNT,
        imageId: "ami-1",
        instanceType: "t3.small",
        state,
        launchTime: 0,
        launchIndex: 0,
        availabilityZone: subnet.availabilityZone,
        vpcId: vpc.id,
        subnetId: subnet.id,
        privateIp,
        macAddress: "02:00:00:00:00:01",
        networkInterfaceId: "eni-1",
        securityGroupIds: [securityGroup.id],
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2, httpEndpoint: "enabled" },
        tags: {},
      };
      return store.transact((tx) => tx.put(ec2.instances, ec2Key(REGION, id), row));
    },
  };
}
