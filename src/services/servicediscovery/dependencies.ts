// What the service's operations are given.
import type { ServiceDiscovery } from "@aws-sdk/client-servicediscovery";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface ServiceDiscoveryDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly account: string;
}

export type ServiceDiscoveryOperations = OperationTable<ServiceDiscovery>;
