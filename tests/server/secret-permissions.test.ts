// Who may read what is kept secret, over a whole server: by their own policies, by the secret's, and by the key's.
import { IAM } from "@aws-sdk/client-iam";
import { KMS } from "@aws-sdk/client-kms";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SSM } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusal } from "#tests/support/secret-services.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

interface Clients {
  readonly ssm: SSM;
  readonly secrets: SecretsManager;
  readonly kms: KMS;
}

let server: SimulatedServer;
let iam: IAM;
let root: Clients;
let ada: Clients;
const started: { destroy(): void }[] = [];

const clientsOf = (credentials: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}): Clients => {
  const options = {
    endpoint: server.endpoint,
    region: server.connection.region,
    credentials,
    maxAttempts: 1,
  };
  const clients = { ssm: new SSM(options), secrets: new SecretsManager(options), kms: new KMS(options) };
  started.push(...Object.values(clients));
  return clients;
};

beforeAll(async () => {
  server = await startSimulatedServer();
  const { connection } = server;
  iam = new IAM({
    endpoint: server.endpoint,
    region: connection.region,
    credentials: connection.credentials,
  });
  root = clientsOf(connection.credentials);
  await iam.createUser({ UserName: "ada" });
  const { AccessKey } = await iam.createAccessKey({ UserName: "ada" });
  ada = clientsOf({
    accessKeyId: AccessKey?.AccessKeyId ?? "",
    secretAccessKey: AccessKey?.SecretAccessKey ?? "",
  });
}, 30_000);
afterAll(async () => {
  for (const client of [...started, iam]) client.destroy();
  await server.close();
});

/** Ada's one policy. */
const allow = (
  ...statements: readonly {
    readonly Action: string | string[];
    readonly Resource: string;
    readonly Condition?: object;
  }[]
) =>
  iam.putUserPolicy({
    UserName: "ada",
    PolicyName: "own",
    PolicyDocument: JSON.stringify({
      Version: "2012-10-17",
      Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })),
    }),
  });
const arn = (service: string, resource: string) =>
  `arn:aws:${service}:${server.connection.region}:${server.connection.account}:${resource}`;
const user = () => `arn:aws:iam::${server.connection.account}:user/ada`;

describe("a user", () => {
  it("reads parameters below the path that is hers, and no others", async () => {
    for (const Name of ["/ada/a", "/bob/b"])
      await root.ssm.putParameter({ Name, Type: "SecureString", Value: Name });
    await allow({ Action: ["ssm:GetParameter*"], Resource: arn("ssm", "parameter/ada*") });
    const own = await ada.ssm.getParameter({ Name: "/ada/a", WithDecryption: true });
    expect(own.Parameter?.Value).toBe("/ada/a");
    expect(await refusal(ada.ssm.getParameters({ Names: ["/ada/a", "/bob/b"] }))).toMatch(
      /^AccessDeniedException: .* not authorized to perform: ssm:GetParameters on resource: arn:.*:parameter\/bob\/b/,
    );
    expect((await ada.ssm.getParametersByPath({ Path: "/ada" })).Parameters).toHaveLength(1);
    expect(await refusal(ada.ssm.getParametersByPath({ Path: "/" }))).toMatch(/^AccessDenied/);
  });

  it("needs the key, too, for what is under a customer's key, and no key for what is under the service's", async () => {
    const { KeyMetadata } = await root.kms.createKey({});
    const KeyId = KeyMetadata?.Arn ?? "";
    await root.ssm.putParameter({ Name: "/ada/keyed", Type: "SecureString", Value: "v", KeyId });
    await root.secrets.createSecret({ Name: "ada/keyed", SecretString: "s", KmsKeyId: KeyId });
    const readings = [
      () => ada.ssm.getParameter({ Name: "/ada/keyed", WithDecryption: true }),
      () => ada.secrets.getSecretValue({ SecretId: "ada/keyed" }),
    ];
    const own = { Action: ["ssm:GetParameter", "secretsmanager:GetSecretValue"], Resource: "*" };
    await allow(own);
    for (const read of readings)
      expect(await refusal(read())).toMatch(
        /not authorized to perform: kms:Decrypt on resource: arn:aws:kms/,
      );
    expect((await ada.ssm.getParameter({ Name: "/ada/keyed" })).Parameter?.Value).not.toBe("v");
    const through = (service: string) => ({
      Action: "kms:Decrypt",
      Resource: KeyId,
      Condition: {
        StringEquals: { "kms:ViaService": `${service}.${server.connection.region}.amazonaws.com` },
      },
    });
    await allow(own, through("ssm"), through("secretsmanager"));
    for (const read of readings) await read();
  });

  it("may nothing that a key's policy does not let her, whatever her own policies say", async () => {
    const { KeyMetadata } = await root.kms.createKey({});
    const KeyId = KeyMetadata?.KeyId ?? "";
    await allow({ Action: "kms:*", Resource: "*" });
    const { CiphertextBlob } = await ada.kms.encrypt({ KeyId, Plaintext: Buffer.from("x") });
    await root.kms.putKeyPolicy({
      KeyId,
      BypassPolicyLockoutSafetyCheck: true,
      Policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: { Effect: "Allow", Principal: { AWS: user() }, Action: "kms:Encrypt", Resource: "*" },
      }),
    });
    await ada.kms.encrypt({ KeyId, Plaintext: Buffer.from("x") });
    expect(await refusal(ada.kms.decrypt({ CiphertextBlob }))).toMatch(
      /not authorized to perform: kms:Decrypt .* because no resource-based policy allows/,
    );
  });

  it("does not use a service's own key by herself", async () => {
    await allow({ Action: "kms:*", Resource: "*" });
    const call = ada.kms.encrypt({ KeyId: "alias/aws/ssm", Plaintext: Buffer.from("x") });
    expect(await refusal(call)).toMatch(/not authorized to perform: kms:Encrypt/);
    expect((await ada.kms.describeKey({ KeyId: "alias/aws/ssm" })).KeyMetadata?.KeyManager).toBe("AWS");
  });

  it("reads a secret whose policy names her, and none whose policy denies it", async () => {
    await allow({ Action: "ssm:*", Resource: "*" });
    const { ARN: SecretId } = await root.secrets.createSecret({ Name: "shared", SecretString: "s" });
    expect(await refusal(ada.secrets.getSecretValue({ SecretId }))).toMatch(/^AccessDenied/);
    const put = (Effect: string) =>
      root.secrets.putResourcePolicy({
        SecretId,
        ResourcePolicy: JSON.stringify({
          Version: "2012-10-17",
          Statement: {
            Effect,
            Principal: { AWS: user() },
            Action: "secretsmanager:GetSecretValue",
            Resource: "*",
          },
        }),
      });
    await put("Allow");
    expect((await ada.secrets.getSecretValue({ SecretId })).SecretString).toBe("s");
    expect((await ada.secrets.getSecretValue({ SecretId: "shared" })).SecretString).toBe("s");
    await put("Deny");
    await allow({ Action: "secretsmanager:*", Resource: "*" });
    expect(await refusal(ada.secrets.getSecretValue({ SecretId }))).toMatch(
      /with an explicit deny in a resource-based policy/,
    );
  });

  it("makes secrets and tags them only as she may", async () => {
    await allow({
      Action: ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
      Resource: arn("secretsmanager", "secret:ada/*"),
      Condition: { StringEquals: { "aws:RequestTag/team": "blue" } },
    });
    const create = (Name: string, team: string) =>
      ada.secrets.createSecret({ Name, SecretString: "s", Tags: [{ Key: "team", Value: team }] });
    expect((await create("ada/one", "blue")).ARN).toContain("secret:ada/one-");
    expect(await refusal(create("ada/two", "red"))).toMatch(/^AccessDenied/);
    expect(await refusal(create("bob/one", "blue"))).toMatch(/^AccessDenied/);
  });
});
