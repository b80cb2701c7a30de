// What the service's operations are given.
import type { STS } from "@aws-sdk/client-sts";
import type { Clock } from "#lib/clock.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { SealedCredentials } from "#gateway/credentials/sealed.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";

export interface StsDependencies {
  readonly store: Reader;
  readonly clock: Pick<Clock, "now">;
  readonly account: string;
  readonly sessions: Pick<SealedCredentials, "issue">;
  /** Opens what denials carry sealed. */
  readonly messages: Pick<Sealer, "open">;
}

export type StsOperations = OperationTable<STS>;
