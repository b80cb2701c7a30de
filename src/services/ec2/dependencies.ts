// What the service's operations are given.
import type { EC2 } from "@aws-sdk/client-ec2";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface Ec2Dependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  /** What the instance's host printed while starting; empty when nothing is left of it. */
  readonly consoleOutput: (instanceId: string) => Promise<string>;
  /** The first default VPC's network; other regions' get the next free blocks of the same size. */
  readonly defaultVpcCidr: string;
}

export type Ec2Operations = OperationTable<EC2>;
