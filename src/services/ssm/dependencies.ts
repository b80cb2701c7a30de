// What the service's operations are given.
import type { SSM } from "@aws-sdk/client-ssm";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { ValueKeys } from "#domain/ports/value-keys.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

/** The image that ECS's public parameters recommend. */
export interface RecommendedImage {
  readonly id: string;
  readonly name: string;
}

export interface SsmDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly account: string;
  /** Values of SecureString, under KMS keys. */
  readonly keys: ValueKeys;
  /** Values of the other types, with the server's own key. */
  readonly sealer: Sealer;
  readonly image: RecommendedImage;
}

export type SsmOperations = OperationTable<SSM>;
