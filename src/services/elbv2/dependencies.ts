// What the service's operations are given.
import type { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { ProxyReady } from "#domain/ports/proxy-ready.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface Elbv2Dependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  readonly proxy: ProxyReady;
}

export type Elbv2Operations = OperationTable<ElasticLoadBalancingV2>;
