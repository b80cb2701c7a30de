// KMS as clients see it, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ACCOUNT,
  refusal,
  REGION,
  startSecretServices,
  type SecretServices,
} from "#tests/support/secret-services.ts";

let services: SecretServices;
let kms: SecretServices["kms"];
beforeEach(async () => {
  services = await startSecretServices();
  ({ kms } = services);
});
afterEach(() => services.close());

const DAY_MS = 24 * 60 * 60 * 1000;
const text = (octets: Uint8Array | undefined) => Buffer.from(octets ?? []).toString();
async function newKey(alias?: string): Promise<string> {
  const { KeyMetadata } = await kms.createKey({ Description: "test" });
  const id = KeyMetadata?.KeyId ?? "";
  if (alias !== undefined) await kms.createAlias({ AliasName: alias, TargetKeyId: id });
  return id;
}
const encrypt = async (KeyId: string, plaintext: string, EncryptionContext?: Record<string, string>) => {
  const { CiphertextBlob } = await kms.encrypt({
    KeyId,
    Plaintext: Buffer.from(plaintext),
    ...(EncryptionContext === undefined ? {} : { EncryptionContext }),
  });
  return CiphertextBlob ?? new Uint8Array();
};

describe("a key", () => {
  it("is made, described and listed", async () => {
    const { KeyMetadata } = await kms.createKey({ Description: "d", Tags: [{ TagKey: "a", TagValue: "b" }] });
    expect(KeyMetadata).toMatchObject({
      AWSAccountId: ACCOUNT,
      KeyState: "Enabled",
      Enabled: true,
      KeyManager: "CUSTOMER",
      KeySpec: "SYMMETRIC_DEFAULT",
      Arn: `arn:aws:kms:${REGION}:${ACCOUNT}:key/${KeyMetadata?.KeyId}`,
    });
    const KeyId = KeyMetadata?.KeyId ?? "";
    expect((await kms.describeKey({ KeyId })).KeyMetadata).toEqual(KeyMetadata);
    expect((await kms.listKeys()).Keys).toEqual([{ KeyId, KeyArn: KeyMetadata?.Arn }]);
    expect((await kms.listResourceTags({ KeyId })).Tags).toEqual([{ TagKey: "a", TagValue: "b" }]);
  });

  it("encrypts and decrypts by each of its names", async () => {
    const id = await newKey("alias/app");
    const arn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${id}`;
    for (const name of [id, arn, "alias/app", `arn:aws:kms:${REGION}:${ACCOUNT}:alias/app`]) {
      const CiphertextBlob = await encrypt(name, "hidden");
      expect(text(CiphertextBlob)).not.toContain("hidden");
      expect(await kms.decrypt({ CiphertextBlob })).toMatchObject({ KeyId: arn });
      expect(text((await kms.decrypt({ CiphertextBlob, KeyId: name })).Plaintext)).toBe("hidden");
    }
  });

  it("opens a ciphertext with its encryption context only, in whatever order", async () => {
    const id = await newKey();
    const CiphertextBlob = await encrypt(id, "hidden", { a: "1", b: "2" });
    const open = (EncryptionContext: Record<string, string>) =>
      kms.decrypt({ CiphertextBlob, EncryptionContext });
    expect(text((await open({ b: "2", a: "1" })).Plaintext)).toBe("hidden");
    for (const other of [{}, { a: "1" }, { a: "1", b: "3" }, { a: "1", b: "2", c: "" }])
      expect(await refusal(open(other))).toMatch(/^InvalidCiphertextException/);
  });

  it("opens nothing that was changed, of another key or of no key", async () => {
    const [one, two] = [await newKey(), await newKey()];
    const blob = await encrypt(one, "hidden");
    const changed = Uint8Array.from(blob, (octet, i) => (i === blob.length - 20 ? octet ^ 1 : octet));
    expect(await refusal(kms.decrypt({ CiphertextBlob: changed }))).toMatch(/^InvalidCiphertextException/);
    expect(await refusal(kms.decrypt({ CiphertextBlob: blob, KeyId: two }))).toMatch(
      /^IncorrectKeyException/,
    );
    expect(await refusal(kms.decrypt({ CiphertextBlob: Buffer.from("x") }))).toMatch(/^InvalidCiphertext/);
    expect(await refusal(kms.decrypt({ CiphertextBlob: blob, DryRun: true }))).toMatch(/^DryRunOperation/);
  });

  it("gives data keys, and re-encrypts under another", async () => {
    const [one, two] = [await newKey(), await newKey()];
    const made = await kms.generateDataKey({ KeyId: one, KeySpec: "AES_256" });
    expect(made.Plaintext).toHaveLength(32);
    const { CiphertextBlob, SourceKeyId, KeyId } = await kms.reEncrypt({
      CiphertextBlob: made.CiphertextBlob,
      DestinationKeyId: two,
    });
    expect([SourceKeyId, KeyId].map((arn) => arn?.split("/")[1])).toEqual([one, two]);
    expect((await kms.decrypt({ CiphertextBlob })).Plaintext).toEqual(made.Plaintext);
    const silent = await kms.generateDataKeyWithoutPlaintext({ KeyId: one, NumberOfBytes: 64 });
    expect(silent).not.toHaveProperty("Plaintext");
    expect((await kms.decrypt({ CiphertextBlob: silent.CiphertextBlob })).Plaintext).toHaveLength(64);
    expect((await kms.generateRandom({ NumberOfBytes: 12 })).Plaintext).toHaveLength(12);
  });

  it("that is disabled or pending deletion is of no use, and can be had back", async () => {
    const KeyId = await newKey();
    const CiphertextBlob = await encrypt(KeyId, "hidden");
    await kms.disableKey({ KeyId });
    expect(await refusal(encrypt(KeyId, "x"))).toMatch(/^DisabledException/);
    expect(await refusal(kms.decrypt({ CiphertextBlob }))).toMatch(/^DisabledException/);
    const scheduled = await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 });
    expect(scheduled.DeletionDate).toEqual(new Date(services.clock.now() + 7 * DAY_MS));
    expect(await refusal(kms.decrypt({ CiphertextBlob }))).toMatch(/^KMSInvalidStateException/);
    await kms.cancelKeyDeletion({ KeyId });
    await kms.enableKey({ KeyId });
    expect(text((await kms.decrypt({ CiphertextBlob })).Plaintext)).toBe("hidden");
  });

  it("is gone with its aliases' meaning after its window", async () => {
    const KeyId = await newKey("alias/app");
    const CiphertextBlob = await encrypt(KeyId, "hidden");
    await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 });
    await services.clock.advance(7 * DAY_MS);
    expect(await refusal(kms.decrypt({ CiphertextBlob }))).toMatch(/^InvalidCiphertextException/);
    expect(await refusal(kms.describeKey({ KeyId }))).toMatch(/^NotFoundException: Key '.*' does not exist/);
    expect(await refusal(kms.describeKey({ KeyId: "alias/app" }))).toMatch(/^NotFoundException: Alias/);
  });
});

describe("aliases", () => {
  it("move to another key, are listed and deleted", async () => {
    const [one, two] = [await newKey("alias/app"), await newKey()];
    const CiphertextBlob = await encrypt("alias/app", "hidden");
    await kms.updateAlias({ AliasName: "alias/app", TargetKeyId: two });
    expect((await kms.describeKey({ KeyId: "alias/app" })).KeyMetadata?.KeyId).toBe(two);
    expect((await kms.decrypt({ CiphertextBlob })).KeyId).toContain(one);
    expect((await kms.listAliases({ KeyId: two })).Aliases?.map((a) => a.AliasName)).toEqual(["alias/app"]);
    await kms.deleteAlias({ AliasName: "alias/app" });
    expect((await kms.listAliases({})).Aliases).toEqual([]);
  });

  it("of AWS's own are made when they are asked for, once, and cannot be taken", async () => {
    const one = await kms.describeKey({ KeyId: "alias/aws/ssm" });
    expect(one.KeyMetadata).toMatchObject({ KeyManager: "AWS", KeyState: "Enabled" });
    expect(await kms.describeKey({ KeyId: "alias/aws/ssm" })).toMatchObject({ KeyMetadata: one.KeyMetadata });
    const id = one.KeyMetadata?.KeyId ?? "";
    expect(await refusal(kms.disableKey({ KeyId: id }))).toMatch(/^AccessDeniedException/);
    expect(await refusal(kms.createAlias({ AliasName: "alias/aws/x", TargetKeyId: await newKey() }))).toMatch(
      /^InvalidAliasNameException/,
    );
  });
});

describe("key policies", () => {
  it("are the account's unless given, and can be changed", async () => {
    const KeyId = await newKey();
    const { Policy = "" } = await kms.getKeyPolicy({ KeyId });
    expect(JSON.parse(Policy)).toMatchObject({
      Statement: [{ Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } }],
    });
    const other = Policy.replace("Enable IAM User Permissions", "mine");
    await kms.putKeyPolicy({ KeyId, Policy: other });
    expect((await kms.getKeyPolicy({ KeyId })).Policy).toBe(other);
  });

  it("that lock the caller out are refused, unless that is meant", async () => {
    const KeyId = await newKey();
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: {
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/x` },
        Action: "kms:*",
        Resource: "*",
      },
    });
    expect(await refusal(kms.putKeyPolicy({ KeyId, Policy }))).toBe(
      "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy in the future.",
    );
    await kms.putKeyPolicy({ KeyId, Policy, BypassPolicyLockoutSafetyCheck: true });
    expect(await refusal(kms.putKeyPolicy({ KeyId, Policy: "{}" }))).toMatch(/^MalformedPolicyDocument/);
  });
});

describe("what is not there is refused by name", () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "another usage",
      () => kms.createKey({ KeyUsage: "SIGN_VERIFY" }),
      /^UnsupportedOperationException: KeyUsage SIGN_VERIFY/,
    ],
    [
      "another spec",
      () => kms.createKey({ KeySpec: "RSA_2048" }),
      /^UnsupportedOperationException: KeySpec RSA_2048/,
    ],
    [
      "several regions",
      () => kms.createKey({ MultiRegion: true }),
      /^UnsupportedOperationException: MultiRegion/,
    ],
    [
      "grants",
      () => kms.createGrant({ KeyId: "x", GranteePrincipal: "y", Operations: [] }),
      /^UnknownOperation/,
    ],
    [
      "too short a window",
      () => kms.scheduleKeyDeletion({ KeyId: "x", PendingWindowInDays: 6 }),
      /^ValidationException/,
    ],
    [
      "both sizes of a data key",
      () => kms.generateDataKey({ KeyId: "x", NumberOfBytes: 3, KeySpec: "AES_128" }),
      /^ValidationException: Please specify/,
    ],
    [
      "an unknown key",
      () => kms.encrypt({ KeyId: "nope", Plaintext: Buffer.from("x") }),
      /^NotFoundException: Key 'arn:aws:kms:.*key\/nope' does not exist/,
    ],
    [
      "a text that is too long",
      () => kms.encrypt({ KeyId: "x", Plaintext: Buffer.alloc(4097) }),
      /^ValidationException.*4096/,
    ],
  ])("%s", async (_what, call, words) => {
    expect(await refusal(call())).toMatch(words);
  });
});
