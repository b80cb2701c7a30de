// Parameter Store, Secrets Manager and KMS, wired together: KMS's keys are sealed with a key of the server's, other services' values
// under KMS's keys.
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { createSealer } from "#gateway/credentials/sealer.ts";
import type { ServiceDefinition } from "#gateway/service-definition.ts";
import { publicImage } from "#services/ec2/image.ts";
import { createKmsService } from "#services/kms/service.ts";
import { createValueKeys } from "#services/kms/value-keys.ts";
import { createSecretsManagerService } from "#services/secretsmanager/service.ts";
import { createSsmService } from "#services/ssm/service.ts";
import type { Store } from "#store/store.ts";

export interface SecretServicesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly account: string;
  /** 32 octets: what all keys and values at rest are sealed with in the end. */
  readonly sealingKey: Uint8Array;
}

export function createSecretServices({
  sealingKey,
  ...base
}: SecretServicesParts): readonly ServiceDefinition[] {
  const { account, random } = base;
  const kms = { ...base, sealer: createSealer({ key: sealingKey, purpose: "kms keys", random }) };
  const keys = createValueKeys(kms);
  const { ImageId: id, Name: name } = publicImage(account);
  return [
    createSsmService({
      ...base,
      keys,
      sealer: createSealer({ key: sealingKey, purpose: "parameters", random }),
      image: { id, name },
    }),
    createSecretsManagerService({ ...base, keys }),
    createKmsService(kms),
  ];
}
