// The service behind a real gateway, over a memory store, spoken to by the official client.
import { EC2Client, RunInstancesCommand, type RunInstancesCommandInput } from "@aws-sdk/client-ec2";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { newInstanceProfile } from "#domain/iam/records.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import { account, clientOptions, startGateway, type TestGateway } from "#gateway/gateway.suite.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { AnyTable, Store } from "#store/store.ts";
import * as ec2Tables from "#store/tables/ec2.ts";
import * as elbv2Tables from "#store/tables/elbv2.ts";
import * as iamTables from "#store/tables/iam.ts";
import { PUBLIC_IMAGE_ID } from "./image.ts";
import { createEc2Service } from "./service.ts";

export const REGION = "eu-west-1";
export const ACCOUNT = account;
export const PROFILE = "ecsInstanceRole";
export const profileArn = (name: string) => `arn:aws:iam::${ACCOUNT}:instance-profile/${name}`;

export interface Fixture {
  readonly store: Store;
  readonly clock: TestClock;
  readonly gateway: TestGateway;
  readonly ec2: EC2Client;
  readonly consoles: Map<string, string>;
  /** A client of another region. */
  client(region: string): EC2Client;
  /** Runs instances of the public image, t3.small, one, unless said otherwise. Answers their ids. */
  run(input?: Partial<RunInstancesCommandInput>): Promise<readonly string[]>;
  /** Changes an instance's row, as the controller would. */
  change(id: string, to: (row: InstanceRow) => InstanceRow): Promise<void>;
  close(): Promise<void>;
}

export async function createFixture(defaultVpcCidr = "10.64.0.0/16"): Promise<Fixture> {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [ec2Tables, elbv2Tables, iamTables].flatMap((group) => Object.values(group) as AnyTable[]),
  });
  const clock = new TestClock();
  const random = seededRandom(11);
  const consoles = new Map<string, string>();
  const service = createEc2Service({
    store,
    clock,
    random,
    logger: silentLogger,
    account: ACCOUNT,
    defaultVpcCidr,
    consoleOutput: (id) => {
      const text = consoles.get(id);
      return text === undefined ? Promise.reject(new Error("no such host")) : Promise.resolve(text);
    },
  });
  await store.transact((tx) => {
    for (const [name, roleNames] of [
      [PROFILE, [PROFILE]],
      ["empty", []],
    ] as const) {
      const made = newInstanceProfile({ name, path: "/", arn: profileArn(name), tags: {} }, random, 0);
      tx.put(iamTables.instanceProfiles, name, { ...made, roleNames });
    }
  });
  const gateway = await startGateway({ services: [service] });
  const client = (region: string) => new EC2Client({ ...clientOptions(gateway), region });
  const ec2 = client(REGION);
  return {
    store,
    clock,
    gateway,
    ec2,
    consoles,
    client,
    async run(input = {}) {
      const command = new RunInstancesCommand({
        ImageId: PUBLIC_IMAGE_ID,
        InstanceType: "t3.small",
        MinCount: 1,
        MaxCount: 1,
        ...input,
      });
      const { Instances } = await ec2.send(command);
      return (Instances ?? []).map((i) => i.InstanceId ?? "");
    },
    async change(id, to) {
      await store.transact((tx) => {
        const key = ec2Key(REGION, id);
        const row = tx.get(ec2Tables.instances, key);
        if (row !== undefined) tx.put(ec2Tables.instances, key, to(row));
      });
    },
    async close() {
      ec2.destroy();
      await gateway.close();
      await store.close();
    },
  };
}

/** The code and message of what a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await call;
  } catch (error) {
    const { name, message } = error as Error;
    return { code: name, message };
  }
  throw new Error("The call was not refused.");
}
