// IAM behind a gateway of its own, called by the official SDK as root.
import { IAM } from "@aws-sdk/client-iam";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { createSealer } from "#gateway/credentials/sealer.ts";
import { account, clientOptions, startGateway } from "#gateway/gateway.suite.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { Store, Table } from "#store/store.ts";
import * as ecs from "#store/tables/ecs.ts";
import * as elbv2 from "#store/tables/elbv2.ts";
import * as tables from "#store/tables/iam.ts";
import { createIamService } from "./service.ts";

export interface IamWorld {
  readonly iam: IAM;
  readonly store: Store;
  readonly clock: TestClock;
  close(): Promise<void>;
}

export async function startIam(): Promise<IamWorld> {
  const clock = new TestClock();
  const random = seededRandom(5);
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [tables, ecs, elbv2].flatMap((group) => Object.values(group) as Table<never>[]),
  });
  const sealer = createSealer({ key: new Uint8Array(32), purpose: "test", random });
  const gateway = await startGateway({
    services: [createIamService({ store, clock, random, account, sealer })],
  });
  const iam = new IAM(clientOptions(gateway));
  return {
    iam,
    store,
    clock,
    async close() {
      iam.destroy();
      await gateway.close();
    },
  };
}

/** `Code: message` of what a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error("The call was not refused.");
}

export const policy = (...Statement: object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement });
export const allow = (Action: string | string[], Resource = "*", more: object = {}): string =>
  policy({ Effect: "Allow", Action, Resource, ...more });
export const trust = (Principal: object): string =>
  policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole" });
