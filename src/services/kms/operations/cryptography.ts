// Encrypt, Decrypt, ReEncrypt, data keys and random octets.
import { ServiceError } from "#lib/errors.ts";
import type { GenerateDataKeyCommandInput } from "@aws-sdk/client-kms";
import type { EncryptionContext } from "#domain/ports/value-keys.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { inRange, lengthWithin, octetsWithin, onlyValue } from "../constraints.ts";
import type { KmsDependencies, KmsOperations } from "../dependencies.ts";
import { validation } from "../errors.ts";
import { createKeyring, findKey, type Keyring } from "../keyring.ts";

const LONGEST_PLAINTEXT = 4096;
const LONGEST_CIPHERTEXT = 6144;
const MOST_RANDOM = 1024;
const ALGORITHM = "SYMMETRIC_DEFAULT";
const OTHERS = { GrantTokens: undefined, EncryptionAlgorithm: ALGORITHM, Recipient: undefined } as const;
const OCTETS_OF_SPEC: Readonly<Record<string, number>> = { AES_256: 32, AES_128: 16 };

interface Dry {
  readonly DryRun?: boolean | undefined;
}

export function cryptographyOperations(deps: KmsDependencies) {
  const { store, clock } = deps;
  const ring = createKeyring(deps);
  const usable = (context: RequestContext, id: string | undefined) =>
    ring.usable(store, context.region, lengthWithin(id ?? "", "keyId", 1, 2048));

  return {
    Encrypt(input, context) {
      onlyValue(input, OTHERS);
      const plaintext = octetsWithin(input.Plaintext ?? new Uint8Array(), "plaintext", LONGEST_PLAINTEXT);
      const key = usable(context, input.KeyId);
      refuseDryRun(input);
      const blob = ring.encrypt(key, plaintext, input.EncryptionContext ?? {});
      return { CiphertextBlob: blob, KeyId: key.arn, EncryptionAlgorithm: ALGORITHM };
    },

    Decrypt(input, context) {
      onlyValue(input, { ...OTHERS, DryRunModifiers: undefined });
      const { key, plaintext } = open(
        context,
        input.CiphertextBlob,
        input.EncryptionContext ?? {},
        input.KeyId,
      );
      refuseDryRun(input);
      return { KeyId: key.arn, Plaintext: plaintext, EncryptionAlgorithm: ALGORITHM };
    },

    ReEncrypt(input, context) {
      onlyValue(input, {
        GrantTokens: undefined,
        SourceEncryptionAlgorithm: ALGORITHM,
        DestinationEncryptionAlgorithm: ALGORITHM,
        DryRunModifiers: undefined,
      });
      const to = usable(context, input.DestinationKeyId);
      const { key: from, plaintext } = open(
        context,
        input.CiphertextBlob,
        input.SourceEncryptionContext ?? {},
        input.SourceKeyId,
      );
      refuseDryRun(input);
      return {
        CiphertextBlob: ring.encrypt(to, plaintext, input.DestinationEncryptionContext ?? {}),
        SourceKeyId: from.arn,
        KeyId: to.arn,
        SourceEncryptionAlgorithm: ALGORITHM,
        DestinationEncryptionAlgorithm: ALGORITHM,
      };
    },

    GenerateDataKey: (input, context) => dataKey(input, context),

    GenerateDataKeyWithoutPlaintext(input, context) {
      const { Plaintext: _, ...rest } = dataKey(input, context);
      return rest;
    },

    GenerateRandom(input) {
      onlyValue(input, { CustomKeyStoreId: undefined, Recipient: undefined });
      return { Plaintext: ring.octets(inRange(input.NumberOfBytes ?? 0, "numberOfBytes", 1, MOST_RANDOM)) };
    },
  } satisfies KmsOperations;

  function dataKey(input: GenerateDataKeyCommandInput, context: RequestContext) {
    onlyValue(input, OTHERS);
    const count = octetsOf(input);
    const key = usable(context, input.KeyId);
    refuseDryRun(input);
    const plaintext = ring.octets(count);
    const blob = ring.encrypt(key, plaintext, input.EncryptionContext ?? {});
    return { CiphertextBlob: blob, Plaintext: plaintext, KeyId: key.arn };
  }

  /** @throws IncorrectKeyException when a key is named that is not the ciphertext's */
  function open(
    context: RequestContext,
    given: Uint8Array | undefined,
    encryptionContext: EncryptionContext,
    keyId: string | undefined,
  ): ReturnType<Keyring["decrypt"]> {
    const blob = octetsWithin(given ?? new Uint8Array(), "ciphertextBlob", LONGEST_CIPHERTEXT);
    const named =
      keyId === undefined
        ? undefined
        : findKey(store, context, lengthWithin(keyId, "keyId", 1, 2048), clock.now());
    const opened = ring.decrypt(store, context.region, blob, encryptionContext);
    if (named !== undefined && named.id !== opened.key.id)
      throw new ServiceError(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
      );
    return opened;
  }
}

function octetsOf({ KeySpec: spec, NumberOfBytes: count }: GenerateDataKeyCommandInput): number {
  if ((spec === undefined) === (count === undefined))
    throw validation("Please specify either number of bytes or key spec.");
  if (spec === undefined) return inRange(count ?? 0, "numberOfBytes", 1, MOST_RANDOM);
  const octets = Object.hasOwn(OCTETS_OF_SPEC, spec) ? OCTETS_OF_SPEC[spec] : undefined;
  if (octets === undefined)
    throw validation(
      `1 validation error detected: Value '${spec}' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]`,
    );
  return octets;
}

/** Everything else about the request was right. */
function refuseDryRun({ DryRun: dry }: Dry): void {
  if (dry === true)
    throw new ServiceError(
      "DryRunOperationException",
      "The request would have succeeded, but the DryRun option is set.",
    );
}
