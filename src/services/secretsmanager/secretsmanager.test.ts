// Secrets Manager as clients see it, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { secretVersions } from "#store/tables/secretsmanager.ts";
import {
  ACCOUNT,
  refusal,
  REGION,
  startSecretServices,
  type SecretServices,
} from "#tests/support/secret-services.ts";

let services: SecretServices;
let secrets: SecretServices["secrets"];
beforeEach(async () => {
  services = await startSecretServices();
  ({ secrets } = services);
});
afterEach(() => services.close());

describe("a secret", () => {
  it("is made and read by its name, its ARN and its ARN without the last six characters", async () => {
    const made = await secrets.createSecret({ Name: "app/db", SecretString: '{"user":"u"}' });
    expect(made.ARN).toMatch(
      new RegExp(`^arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:app/db-[A-Za-z0-9]{6}$`),
    );
    for (const SecretId of ["app/db", made.ARN, made.ARN?.slice(0, -7)]) {
      expect(await secrets.getSecretValue({ SecretId })).toMatchObject({
        ARN: made.ARN,
        Name: "app/db",
        SecretString: '{"user":"u"}',
        VersionId: made.VersionId,
        VersionStages: ["AWSCURRENT"],
      });
    }
  });

  it("that is not there is told so", async () => {
    expect(await refusal(secrets.getSecretValue({ SecretId: "nope" }))).toBe(
      "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    );
  });
});

const create = (Name = "db", SecretString = "one") => secrets.createSecret({ Name, SecretString });
const value = async (VersionStage = "AWSCURRENT") =>
  (await secrets.getSecretValue({ SecretId: "db", VersionStage })).SecretString;
const TOKEN = "a".repeat(32);

describe("CreateSecret", () => {
  it("is answered the same when it comes again with its token, and not with another value", async () => {
    const input = { Name: "db", SecretString: "one", ClientRequestToken: TOKEN };
    const first = await secrets.createSecret(input);
    expect(first.VersionId).toBe(TOKEN);
    expect(await secrets.createSecret(input)).toMatchObject({ ARN: first.ARN, VersionId: TOKEN });
    for (const other of [
      { ...input, SecretString: "two" },
      { ...input, ClientRequestToken: "b".repeat(32) },
    ])
      expect(await refusal(secrets.createSecret(other))).toBe(
        "ResourceExistsException: The operation failed because the secret db already exists.",
      );
  });

  it("makes one without a value, too", async () => {
    expect(await secrets.createSecret({ Name: "db", Description: "d" })).not.toHaveProperty("VersionId");
    expect(await refusal(value())).toBe(
      "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    );
    await secrets.putSecretValue({ SecretId: "db", SecretString: "s", VersionStages: ["AWSPENDING"] });
    expect(await value()).toBe("s");
  });

  it("keeps octets as octets", async () => {
    await secrets.createSecret({ Name: "db", SecretBinary: Uint8Array.of(0, 255, 1) });
    const found = await secrets.getSecretValue({ SecretId: "db" });
    expect(found.SecretBinary).toEqual(Uint8Array.of(0, 255, 1));
    expect(found).not.toHaveProperty("SecretString");
  });

  it.each<[string, Parameters<typeof secrets.createSecret>[0], RegExp]>([
    ["a strange name", { Name: "a b" }, /^ValidationException: .*valid name/],
    [
      "two values",
      { Name: "a", SecretString: "x", SecretBinary: Uint8Array.of(1) },
      /^InvalidParameterException: You can't specify both/,
    ],
    [
      "a value of 65537 octets",
      { Name: "a", SecretString: "x".repeat(65_537) },
      /^ValidationException: .*65536/,
    ],
    [
      "a short token",
      { Name: "a", ClientRequestToken: "x" },
      /^InvalidParameterException: ClientRequestToken must be 32-64/,
    ],
    [
      "replicas",
      { Name: "a", AddReplicaRegions: [{ Region: "us-east-1" }] },
      /^InvalidParameterException: AddReplicaRegions is not implemented/,
    ],
    [
      "an unknown key",
      { Name: "a", SecretString: "x", KmsKeyId: "nope" },
      /^EncryptionFailure: .*Key '.*nope' does not exist/,
    ],
    [
      "a tag twice",
      {
        Name: "a",
        Tags: [
          { Key: "x", Value: "1" },
          { Key: "x", Value: "2" },
        ],
      },
      /^InvalidParameterException: Duplicate/,
    ],
  ])("refuses %s", async (_what, input, words) => {
    expect(await refusal(secrets.createSecret(input))).toMatch(words);
  });
});

describe("versions", () => {
  it("follow one another as current and previous", async () => {
    const { VersionId: one = "" } = await create();
    const { VersionId: two = "", VersionStages } = await secrets.putSecretValue({
      SecretId: "db",
      SecretString: "two",
    });
    expect(VersionStages).toEqual(["AWSCURRENT"]);
    expect([await value(), await value("AWSPREVIOUS")]).toEqual(["two", "one"]);
    const { VersionId: three = "" } = await secrets.updateSecret({ SecretId: "db", SecretString: "three" });
    expect([await value(), await value("AWSPREVIOUS")]).toEqual(["three", "two"]);
    expect((await secrets.describeSecret({ SecretId: "db" })).VersionIdsToStages).toEqual({
      [two]: ["AWSPREVIOUS"],
      [three]: ["AWSCURRENT"],
    });
    expect((await secrets.getSecretValue({ SecretId: "db", VersionId: one })).SecretString).toBe("one");
    const list = async (IncludeDeprecated: boolean) =>
      (await secrets.listSecretVersionIds({ SecretId: "db", IncludeDeprecated })).Versions?.length;
    expect([await list(false), await list(true)]).toEqual([2, 3]);
  });

  it("are made once for a token", async () => {
    await create();
    const put = (SecretString: string) =>
      secrets.putSecretValue({ SecretId: "db", SecretString, ClientRequestToken: TOKEN });
    await put("two");
    await secrets.putSecretValue({ SecretId: "db", SecretString: "three" });
    expect(await put("two")).toMatchObject({ VersionId: TOKEN, VersionStages: ["AWSPREVIOUS"] });
    expect(await value()).toBe("three");
    expect(await refusal(put("other"))).toMatch(/^ResourceExistsException: You can't use ClientRequestToken/);
  });

  it("take stages from one another, by whoever says where a stage was", async () => {
    const { VersionId: one = "" } = await create();
    const { VersionId: two = "" } = await secrets.putSecretValue({ SecretId: "db", SecretString: "two" });
    const move = (VersionStage: string, to?: string, from?: string) =>
      secrets.updateSecretVersionStage({
        SecretId: "db",
        VersionStage,
        MoveToVersionId: to,
        RemoveFromVersionId: from,
      });
    expect(await refusal(move("AWSCURRENT", one))).toMatch(
      new RegExp(`^InvalidParameterException: .*currently attached to version ${two}`),
    );
    expect(await refusal(move("AWSCURRENT", undefined, two))).toMatch(/It can’t be completely removed/);
    expect(await refusal(move("AWSCURRENT", two, one))).toMatch(/doesn't have the staging label/);
    await move("AWSCURRENT", one, two);
    expect([await value(), await value("AWSPREVIOUS")]).toEqual(["one", "two"]);
    await move("mine", one);
    expect(await value("mine")).toBe("one");
    await move("mine", undefined, one);
    expect(await refusal(value("mine"))).toMatch(/^ResourceNotFoundException/);
  });

  it("are kept to a bounded number, those with stages always", async () => {
    const { VersionId: first = "" } = await create();
    await secrets.updateSecretVersionStage({ SecretId: "db", VersionStage: "kept", MoveToVersionId: first });
    for (let i = 0; i < 110; i++) await secrets.putSecretValue({ SecretId: "db", SecretString: String(i) });
    const { Versions } = await secrets.listSecretVersionIds({ SecretId: "db", IncludeDeprecated: true });
    expect(Versions).toHaveLength(97);
    expect(await value("kept")).toBe("one");
    await secrets.deleteSecret({ SecretId: "db", ForceDeleteWithoutRecovery: true });
    expect([...services.store.scan(secretVersions)]).toEqual([]);
  });

  it("of a stage and an id that do not belong together are refused", async () => {
    const { VersionId } = await create();
    await secrets.putSecretValue({ SecretId: "db", SecretString: "two" });
    const both = secrets.getSecretValue({ SecretId: "db", VersionId, VersionStage: "AWSCURRENT" });
    expect(await refusal(both)).toMatch(
      /^InvalidRequestException: You provided a VersionStage that is not associated/,
    );
  });
});

describe("UpdateSecret", () => {
  it("changes the description, and encrypts what has a stage anew under another key", async () => {
    await create();
    await secrets.putSecretValue({ SecretId: "db", SecretString: "two" });
    const { KeyMetadata } = await services.kms.createKey({});
    const KmsKeyId = KeyMetadata?.Arn ?? "";
    await secrets.updateSecret({ SecretId: "db", KmsKeyId, Description: "d" });
    expect(await secrets.describeSecret({ SecretId: "db" })).toMatchObject({ KmsKeyId, Description: "d" });
    expect([await value(), await value("AWSPREVIOUS")]).toEqual(["two", "one"]);
    await services.kms.disableKey({ KeyId: KmsKeyId });
    for (const stage of ["AWSCURRENT", "AWSPREVIOUS"])
      expect(await refusal(value(stage))).toMatch(/^DecryptionFailure: .* is disabled\./);
    expect(await refusal(secrets.putSecretValue({ SecretId: "db", SecretString: "x" }))).toMatch(
      /^EncryptionFailure/,
    );
  });
});

describe("deletion", () => {
  it("waits for its window, in which nothing is read and everything can be had back", async () => {
    await create();
    const { DeletionDate } = await secrets.deleteSecret({ SecretId: "db", RecoveryWindowInDays: 7 });
    expect(DeletionDate).toEqual(new Date(services.clock.now() + 7 * 24 * 60 * 60 * 1000));
    expect(await refusal(value())).toBe(
      "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.",
    );
    expect(await refusal(create())).toMatch(/^InvalidRequestException: .*already scheduled for deletion/);
    expect(await secrets.describeSecret({ SecretId: "db" })).toHaveProperty("DeletedDate");
    const listed = async (IncludePlannedDeletion: boolean) =>
      (await secrets.listSecrets({ IncludePlannedDeletion })).SecretList?.length;
    expect([await listed(false), await listed(true)]).toEqual([0, 1]);
    await secrets.restoreSecret({ SecretId: "db" });
    expect(await value()).toBe("one");
  });

  it("is at once when that is forced, and succeeds then for what is not there", async () => {
    await create();
    await secrets.deleteSecret({ SecretId: "db", ForceDeleteWithoutRecovery: true });
    expect(await refusal(value())).toMatch(/^ResourceNotFoundException/);
    await secrets.deleteSecret({ SecretId: "db", ForceDeleteWithoutRecovery: true });
    expect(await refusal(secrets.deleteSecret({ SecretId: "db" }))).toMatch(/^ResourceNotFoundException/);
  });

  it.each([
    [{ RecoveryWindowInDays: 6 }, /between 7 and 30 days/],
    [{ RecoveryWindowInDays: 31 }, /between 7 and 30 days/],
    [{ RecoveryWindowInDays: 7, ForceDeleteWithoutRecovery: true }, /in conjunction with/],
  ])("is refused for %j", async (more, words) => {
    await create();
    expect(await refusal(secrets.deleteSecret({ SecretId: "db", ...more }))).toMatch(words);
  });
});

describe("lists", () => {
  beforeEach(async () => {
    await secrets.createSecret({
      Name: "app/db",
      SecretString: "1",
      Description: "Main database",
      Tags: [{ Key: "team", Value: "blue" }],
    });
    await services.clock.advance(1000);
    await secrets.createSecret({ Name: "app/api", SecretString: "2", Description: "A token" });
    await services.clock.advance(1000);
    await secrets.createSecret({ Name: "web", SecretString: "3", Tags: [{ Key: "team", Value: "red" }] });
  });
  const names = (list: readonly { readonly Name?: string | undefined }[] | undefined) =>
    list?.map(({ Name }) => Name);

  it.each<["name" | "description" | "tag-key" | "tag-value" | "all", string[], string[]]>([
    ["name", ["app/"], ["app/db", "app/api"]],
    ["name", ["!app/"], ["web"]],
    ["description", ["data"], ["app/db"]],
    ["tag-key", ["te"], ["app/db", "web"]],
    ["tag-value", ["red", "blue"], ["app/db", "web"]],
    ["all", ["token"], ["app/api"]],
  ])("find by %s %j", async (Key, Values, expected) => {
    expect(names((await secrets.listSecrets({ Filters: [{ Key, Values }] })).SecretList)).toEqual(expected);
  });

  it("go in pages, from either end", async () => {
    const first = await secrets.listSecrets({ MaxResults: 2 });
    const second = await secrets.listSecrets({ MaxResults: 2, NextToken: first.NextToken });
    expect(names([...(first.SecretList ?? []), ...(second.SecretList ?? [])])).toEqual([
      "app/db",
      "app/api",
      "web",
    ]);
    expect(names((await secrets.listSecrets({ SortOrder: "desc" })).SecretList)).toEqual([
      "web",
      "app/api",
      "app/db",
    ]);
    expect(await refusal(secrets.listSecrets({ NextToken: "x" }))).toMatch(/^InvalidNextTokenException/);
  });

  it("of values come in batches, with what could not be read", async () => {
    const batch = await secrets.batchGetSecretValue({ SecretIdList: ["web", "nope"] });
    expect(batch.SecretValues).toMatchObject([{ Name: "web", SecretString: "3" }]);
    expect(batch.Errors).toMatchObject([{ SecretId: "nope", ErrorCode: "ResourceNotFoundException" }]);
    const found = await secrets.batchGetSecretValue({ Filters: [{ Key: "name", Values: ["app/"] }] });
    expect(names(found.SecretValues)).toEqual(["app/api", "app/db"]);
    expect(await refusal(secrets.batchGetSecretValue({}))).toMatch(/^InvalidParameterException/);
  });
});

describe("GetRandomPassword", () => {
  const draw = async (input: Parameters<typeof secrets.getRandomPassword>[0]) =>
    (await secrets.getRandomPassword(input)).RandomPassword ?? "";

  it("has one character of each kind at least", async () => {
    expect(await draw({})).toHaveLength(32);
    for (let i = 0; i < 20; i++) {
      const password = await draw({ PasswordLength: 5, IncludeSpace: true });
      for (const kind of [/[a-z]/, /[A-Z]/, /\d/, /[^\w ]|_/, / /]) expect(password).toMatch(kind);
    }
  });

  it("has none that is excluded", async () => {
    const only = { ExcludePunctuation: true, ExcludeNumbers: true, ExcludeUppercase: true };
    expect(await draw({ ...only, PasswordLength: 500, ExcludeCharacters: "abc" })).toMatch(/^[d-z]{500}$/);
    expect(await refusal(draw({ ...only, ExcludeLowercase: true }))).toMatch(/^InvalidParameterException/);
    expect(await refusal(draw({ PasswordLength: 3 }))).toMatch(/^InvalidParameterException: Password length/);
    expect(await refusal(draw({ PasswordLength: 4097 }))).toMatch(/^ValidationException/);
  });
});

describe("tags", () => {
  it("are added and removed", async () => {
    await create();
    await secrets.tagResource({
      SecretId: "db",
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    });
    await secrets.untagResource({ SecretId: "db", TagKeys: ["a"] });
    expect((await secrets.describeSecret({ SecretId: "db" })).Tags).toEqual([{ Key: "b", Value: "2" }]);
  });
});

describe("resource policies", () => {
  const policy = (Principal: unknown) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: { Effect: "Allow", Principal, Action: "secretsmanager:GetSecretValue", Resource: "*" },
    });
  const OWN = policy({ AWS: `arn:aws:iam::${ACCOUNT}:role/a` });
  const PUBLIC = policy({ AWS: "*" });

  it("are put, told and deleted", async () => {
    await create();
    const SecretId = "db";
    expect(await secrets.getResourcePolicy({ SecretId })).not.toHaveProperty("ResourcePolicy");
    await secrets.putResourcePolicy({ SecretId, ResourcePolicy: OWN, BlockPublicPolicy: true });
    expect((await secrets.getResourcePolicy({ SecretId })).ResourcePolicy).toBe(OWN);
    await secrets.deleteResourcePolicy({ SecretId });
    expect(await secrets.getResourcePolicy({ SecretId })).not.toHaveProperty("ResourcePolicy");
  });

  it("that are none, or let everybody in, are told apart", async () => {
    await create();
    const put = (ResourcePolicy: string) =>
      secrets.putResourcePolicy({ SecretId: "db", ResourcePolicy, BlockPublicPolicy: true });
    expect(await refusal(put("{}"))).toMatch(/^MalformedPolicyDocumentException/);
    expect(await refusal(put(PUBLIC))).toMatch(/^PublicPolicyException/);
    const passes = async (ResourcePolicy: string) =>
      (await secrets.validateResourcePolicy({ ResourcePolicy })).PolicyValidationPassed;
    expect([await passes(OWN), await passes(PUBLIC), await passes("{}")]).toEqual([true, false, false]);
  });
});

describe("the day of the last reading", () => {
  it("is written once a day", async () => {
    await create();
    await value();
    const before = services.store.durableCommits;
    await value();
    expect(services.store.durableCommits).toBe(before);
    const { LastAccessedDate } = await secrets.describeSecret({ SecretId: "db" });
    expect(LastAccessedDate).toEqual(new Date(Date.UTC(2026, 0, 1)));
  });
});
