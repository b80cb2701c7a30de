// What the service's operations are given.
import type { IAM } from "@aws-sdk/client-iam";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface IamDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly account: string;
  /** Keeps the secrets of access keys. */
  readonly sealer: Sealer;
}

export type IamOperations = OperationTable<IAM>;
