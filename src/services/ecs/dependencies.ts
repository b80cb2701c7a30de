// What the service's operations are given.
import type { ECS } from "@aws-sdk/client-ecs";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { AgentIngest } from "#domain/ports/agent-ingest.ts";
import type { Placement } from "#domain/ports/placement.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface EcsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  readonly placement: Placement;
  readonly ingest: AgentIngest;
  /** Whether the instance identity document was signed by this server. */
  readonly verifyIdentityDocument: (document: string, signature: string) => boolean;
}

export type EcsOperations = OperationTable<ECS>;
