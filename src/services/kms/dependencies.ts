// What the service's operations are given.
import type { KMS } from "@aws-sdk/client-kms";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface KmsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Keys, data keys and nonces are made of it. */
  readonly random: Random;
  readonly account: string;
  /** Seals the keys themselves. */
  readonly sealer: Sealer;
}

export type KmsOperations = OperationTable<KMS>;
