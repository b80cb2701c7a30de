// What the service's operations are given.
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { ValueKeys } from "#domain/ports/value-keys.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface SecretsManagerDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Version ids, ARNs and passwords are made of it. */
  readonly random: Random;
  readonly account: string;
  readonly keys: ValueKeys;
}

export type SecretsManagerOperations = OperationTable<SecretsManager>;
