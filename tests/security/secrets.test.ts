// No secret leaves its place: none in a log line, none in an answer that is not meant for its owner, files that others cannot read.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SSM } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { serverKeys, stateFolder } from "#server/state-folder.ts";
import { channelRefusal, openChannel } from "#tests/support/agent-channel.ts";
import { eventually } from "#tests/support/estiba.ts";
import { call, send, sign, callOf } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { startTwoHosts, type Host } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let host: Host;
/** What must be found nowhere, by what it is. */
const secrets = new Map<string, string>();
const SECRET_VALUE = "the-application-s-own-password";

beforeAll(async () => {
  server = await startSimulatedServer({ logLevel: "debug", allowReset: true });
  [host] = await startTwoHosts(server);
  const { endpoint, connection } = server;
  const instance = await server.credentialsOf(host.instanceId);
  const metadata = await server.metadataOf(host.instanceId);
  const token = await fetch(`${metadata}/latest/api/token`, {
    method: "PUT",
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" },
  });
  const channel = await openChannel("acs", host.containerInstanceArn, { endpoint, credentials: instance });
  const { roleCredentials: task } = await eventually(
    "the task's credentials",
    () => channel.heard.flatMap((m) => (m.type === "IAMRoleCredentialsMessage" ? [m.message] : [])).at(0),
    5,
  );
  channel.close();
  const keys = serverKeys(stateFolder(server.dataDirectory));
  const sessions: readonly (readonly [string, SigningCredentials])[] = [
    ["instance", instance],
    ["task", task],
  ];
  secrets.set("root's secret", connection.credentials.secretAccessKey);
  for (const [whose, { secretAccessKey, sessionToken = "" }] of sessions)
    secrets.set(`${whose}'s secret`, secretAccessKey).set(`${whose}'s session token`, sessionToken);
  secrets.set("metadata token", await token.text());
  for (const [name, key] of Object.entries(keys) as [string, Buffer][])
    for (const form of ["hex", "base64", "base64url"] as const)
      secrets.set(`${name} key (${form})`, key.toString(form));

  // What somebody does wrong is logged: with the secret in hand, in every way that gets told.
  for (const credentials of [instance, task, connection.credentials]) {
    const signer = { endpoint, credentials };
    await call("ecs", "CreateService", { clusterName: "x" }, signer);
    await call("ecs", "DiscoverPollEndpoint", {}, { ...signer, time: 0 });
    await call("ec2", "RunInstances", "Nothing=1", signer);
    await call("sts", "GetCallerIdentity", {}, { ...signer, scopeService: "ecs" });
    await channelRefusal("acs", host.containerInstanceArn.replace(/.$/, "x"), signer);
    await send(
      sign("ecs", { method: "POST", headers: {}, body: "?" }, { ...signer, path: "/_estiba/reset" }),
    );
  }
  await call(
    "ecs",
    "RegisterTaskDefinition",
    {
      family: "holds-a-secret",
      containerDefinitions: [
        {
          name: "app",
          image: "app:1",
          memory: 16,
          environment: [{ name: "PASSWORD", value: SECRET_VALUE }],
          nope: 1,
        },
      ],
    },
    { endpoint, credentials: connection.credentials },
  );
  secrets.set("an environment variable's value", SECRET_VALUE);

  // Values that are kept for others: read, refused and used wrongly as well.
  const options = { endpoint, region: connection.region, credentials: connection.credentials };
  const ssm = new SSM(options);
  const manager = new SecretsManager(options);
  for (const Type of ["String", "StringList", "SecureString"] as const) {
    const Value = `kept-${Type}-${"0123456789".repeat(2)}`;
    secrets.set(`a parameter's value (${Type})`, Value);
    const parameter = { Name: `/kept/${Type}`, Type, Value };
    await ssm.putParameter(parameter);
    await ssm.getParameter({ Name: parameter.Name, WithDecryption: true });
    await ssm.putParameter(parameter).catch(() => undefined);
    await ssm.putParameter({ ...parameter, Overwrite: true, AllowedPattern: "^x$" }).catch(() => undefined);
    await call("ssm", "PutParameter", { ...parameter, Tier: "x" }, { endpoint, credentials: instance });
  }
  const SecretString = "kept-by-secrets-manager-0123456789";
  secrets.set("a secret's value", SecretString);
  const { ARN: SecretId } = await manager.createSecret({ Name: "kept", SecretString });
  await manager.getSecretValue({ SecretId });
  await manager.createSecret({ Name: "kept", SecretString }).catch(() => undefined);
  await call(
    "secretsmanager",
    "PutSecretValue",
    { SecretId: "x", SecretString },
    { endpoint, credentials: instance },
  );
  ssm.destroy();
  manager.destroy();
}, 40_000);
afterAll(() => server.close());

const found = (text: string): readonly string[] =>
  [...secrets].flatMap(([name, secret]) => (secret !== "" && text.includes(secret) ? [name] : []));

/** A log line as a reader may see it, errors included. */
const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    item instanceof Error ? { ...item, message: item.message, stack: item.stack } : item,
  );

it("knows what it looks for", () => {
  expect([...secrets.values()].filter((secret) => secret.length < 16)).toEqual([]);
  expect(secrets.size).toBe(17);
  expect(found(`x${server.connection.credentials.secretAccessKey}x`)).toEqual(["root's secret"]);
});

it("logs no secret, of whatever level and whoever calls", () => {
  expect(server.log.length).toBeGreaterThan(20);
  for (const line of server.log) expect([line.message, found(asText(line))]).toEqual([line.message, []]);
});

it("logs no signature and no authorization header", () => {
  expect(asText(server.log)).not.toMatch(/AWS4-HMAC-SHA256|Signature=[0-9a-f]{16}|x-amz-security-token/i);
});

it("answers denials and faults without them", async () => {
  const signer = { endpoint: server.endpoint, credentials: await server.credentialsOf(host.instanceId) };
  for (const answer of [
    await call("ecs", "CreateService", { serviceName: "x" }, signer),
    await call("ec2", "RunInstances", "MinCount=1&MaxCount=1&ImageId=x", signer),
    await call("iam", "CreateRole", "RoleName=a&AssumeRolePolicyDocument=b", signer),
    await call("sts", "GetCallerIdentity", {}, signer),
    await send({ ...sign("ecs", callOf("ecs", "ListClusters"), signer), body: "changed" }),
  ])
    expect(found(answer.text + asText(answer.headers))).toEqual([]);
});

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...filesBelow(path)] : [path];
  });
}

it("keeps every file to its owner and lets nobody list a folder", () => {
  const all = [server.dataDirectory, ...filesBelow(server.dataDirectory)];
  const modes = all.map((path) => {
    const { mode } = statSync(path);
    return {
      path: relative(server.dataDirectory, path),
      isFolder: statSync(path).isDirectory(),
      mode: mode & 0o777,
    };
  });
  expect(modes.filter((m) => !m.isFolder).length).toBeGreaterThan(5);
  for (const { path, isFolder, mode } of modes)
    expect([path, (mode & (isFolder ? 0o066 : 0o077)).toString(8)]).toEqual([path, "0"]);
});

it("stores secrets in the files made for them, and session credentials in none", () => {
  for (const path of filesBelow(server.dataDirectory)) {
    if (statSync(path).isDirectory()) continue;
    const name = relative(server.dataDirectory, path);
    const text = readFileSync(path, "latin1");
    const allowed = (secret: string) =>
      (name === "root-credentials.json" && secret === "root's secret") ||
      (name === "keys.json" && / key \(hex\)$/.test(secret)) ||
      // A definition is stored as it was registered.
      (name === "rows/data.mdb" && secret === "an environment variable's value");
    expect([name, found(text).filter((secret) => !allowed(secret))]).toEqual([name, []]);
  }
});
