// The service behind a real gateway on a loopback port: tests speak to it with the official SDK.
import { Agent } from "node:http";
import type { LookupFunction } from "node:net";
import { ServiceDiscovery } from "@aws-sdk/client-servicediscovery";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { ec2Key, type VpcRow } from "#domain/ec2/instance.ts";
import { account, accessKeyId, secretAccessKey, startGateway } from "#gateway/gateway.suite.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { Store } from "#store/store.ts";
import { vpcs } from "#store/tables/ec2.ts";
import * as tables from "#store/tables/servicediscovery.ts";
import { createServiceDiscoveryService } from "./service.ts";

export const REGION = "us-east-1";
export const ACCOUNT = account;
export const VPC = "vpc-0123456789abcdef0";

export interface Fixture {
  readonly store: Store;
  readonly clock: TestClock;
  /** Signs as root, in us-east-1; calls the gateway by its address. */
  readonly client: ServiceDiscovery;
  /** Calls the gateway as `map.test`, and as `data-map.test` where the SDK says so. */
  readonly named: ServiceDiscovery;
  /** Hosts that `named` called. */
  readonly hosts: string[];
  /** The id of a new namespace: HTTP, or of the VPC. */
  namespace(name: string, vpc?: string): Promise<string>;
  close(): Promise<void>;
}

export async function createFixture(): Promise<Fixture> {
  const clock = new TestClock(Date.now());
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [vpcs, ...Object.values(tables)],
  });
  await store.transact((tx) => {
    for (const id of [VPC, "vpc-1"]) tx.put(vpcs, ec2Key(REGION, id), { id, region: REGION } as VpcRow);
  });
  const service = createServiceDiscoveryService({ store, clock, random: seededRandom(7), account });
  const gateway = await startGateway({ services: [service] });
  const settings = { region: REGION, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  const client = new ServiceDiscovery({ ...settings, endpoint: gateway.url, disableHostPrefix: true });
  const hosts: string[] = [];
  const toLoopback: LookupFunction = (host, { all }, found) => {
    hosts.push(host);
    if (all === true) found(null, [{ address: "127.0.0.1", family: 4 }]);
    else found(null, "127.0.0.1", 4);
  };
  const agent = new Agent({ lookup: toLoopback });
  const named = new ServiceDiscovery({
    ...settings,
    endpoint: `http://map.test:${new URL(gateway.url).port}`,
    requestHandler: { httpAgent: agent },
  });
  return {
    store,
    clock,
    client,
    named,
    hosts,
    async namespace(Name, Vpc) {
      const { OperationId } = await (Vpc === undefined
        ? client.createHttpNamespace({ Name })
        : client.createPrivateDnsNamespace({ Name, Vpc }));
      const { Operation } = await client.getOperation({ OperationId });
      return Operation?.Targets?.NAMESPACE ?? "";
    },
    async close() {
      client.destroy();
      named.destroy();
      agent.destroy();
      await gateway.close();
      await store.close();
    },
  };
}

/** The code with which the call was refused; the text `answered` when it was not. */
export const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "answered",
    (error: unknown) => (error as Error).name,
  );
