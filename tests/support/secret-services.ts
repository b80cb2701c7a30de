// Parameter Store, Secrets Manager and KMS behind a real gateway on a loopback port, over rows in memory: tests speak to them with the
// official SDK.
import { KMS } from "@aws-sdk/client-kms";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SSM } from "@aws-sdk/client-ssm";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { clientOptions, startGateway, account } from "#gateway/gateway.suite.ts";
import { createSecretServices } from "#server/secret-services.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { AnyTable, Store } from "#store/store.ts";
import * as kmsTables from "#store/tables/kms.ts";
import * as secretsTables from "#store/tables/secretsmanager.ts";
import * as ssmTables from "#store/tables/ssm.ts";

export const REGION = "eu-west-1";
export const ACCOUNT = account;

export interface SecretServices {
  readonly store: Store;
  readonly clock: TestClock;
  readonly ssm: SSM;
  readonly secrets: SecretsManager;
  readonly kms: KMS;
  /** Of the rotations under way. */
  failures(): number;
  close(): Promise<void>;
}

export async function startSecretServices(): Promise<SecretServices> {
  const clock = new TestClock();
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [kmsTables, secretsTables, ssmTables].flatMap((group) => Object.values(group) as AnyTable[]),
  });
  const { services, controller } = createSecretServices({
    store,
    clock,
    random: seededRandom(11),
    logger: silentLogger,
    account,
    sealingKey: new Uint8Array(32).fill(7),
  });
  await controller.start();
  const gateway = await startGateway({ services });
  const options = clientOptions(gateway);
  const clients = { ssm: new SSM(options), secrets: new SecretsManager(options), kms: new KMS(options) };
  return {
    store,
    clock,
    ...clients,
    failures: () =>
      Array.from(
        store.scan(secretsTables.secrets),
        ([, row]) => row.rotation?.underWay?.failures ?? 0,
      ).reduce((sum, count) => sum + count, 0),
    async close() {
      for (const client of Object.values(clients)) client.destroy();
      await gateway.close();
      await controller.close();
      await store.close();
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
