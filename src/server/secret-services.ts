// Parameter Store, Secrets Manager and KMS, wired together: KMS's keys are sealed with a key of the server's, other services' values
// under KMS's keys.
import { createHttpCaller } from "#controllers/events/http-call.ts";
import type { Controller } from "#controllers/controller.ts";
import { createSecretsController, type RotationCall } from "#controllers/secrets/run.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { createSealer } from "#gateway/credentials/sealer.ts";
import type { ServiceDefinition } from "#gateway/service-definition.ts";
import { publicImage } from "#services/ec2/image.ts";
import { createKmsService } from "#services/kms/service.ts";
import { createValueKeys } from "#services/kms/value-keys.ts";
import { createSecretsManagerService } from "#services/secretsmanager/service.ts";
import { removeSecret } from "#services/secretsmanager/versions.ts";
import { removeParameter } from "#services/ssm/remove-parameter.ts";
import { createSsmService } from "#services/ssm/service.ts";
import type { Store } from "#store/store.ts";

export interface SecretServicesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  /** 32 octets: what all keys and values at rest are sealed with in the end. */
  readonly sealingKey: Uint8Array;
}

export interface SecretServices {
  readonly services: readonly ServiceDefinition[];
  /** Rotates and ends what is due. */
  readonly controller: Controller;
}

export function createSecretServices({ sealingKey, ...base }: SecretServicesParts): SecretServices {
  const { store, account, clock, random } = base;
  const kms = { ...base, sealer: createSealer({ key: sealingKey, purpose: "kms keys", random }) };
  const keys = createValueKeys(kms);
  const { ImageId: id, Name: name } = publicImage(account);
  const callHttp = createHttpCaller(clock);
  return {
    services: [
      createSsmService({
        ...base,
        keys,
        sealer: createSealer({ key: sealingKey, purpose: "parameters", random }),
        image: { id, name },
      }),
      createSecretsManagerService({ ...base, keys }),
      createKmsService(kms),
    ],
    controller: createSecretsController({
      ...base,
      async callHook(url: string, call: RotationCall) {
        const headers = { "content-type": "application/json", "user-agent": "Estiba/rotation" };
        const { status } = await callHttp({ method: "POST", url, headers, body: JSON.stringify(call) });
        if (status < 200 || status > 299) throw new Error(`The hook answered ${status}`);
      },
      removeSecret,
      removeParameter: (key, isToGo) => removeParameter(store, key, isToGo),
    }),
  };
}
