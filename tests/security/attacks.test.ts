// What somebody with a little tries to get more: with a user's key and a session, against a whole server. Requests whose signature does
// not stand are signatures.test.ts's, hosts and tasks against one another host-identity.test.ts's and lifetimes.test.ts's.
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IAM } from "@aws-sdk/client-iam";
import { STS } from "@aws-sdk/client-sts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { channelRefusal } from "#tests/support/agent-channel.ts";
import {
  call,
  callOf,
  send,
  sign,
  type Answer,
  type Service,
  type Signer,
  type Unsent,
} from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { instanceRow, registerApp, startTwoHosts, taskRow, type Host } from "#tests/support/two-hosts.ts";

const ACCOUNT = "000000000000";
const MINUTE = 60_000;
const arn = (resource: string) => `arn:aws:iam::${ACCOUNT}:${resource}`;
const policy = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const allow = (Action: string | string[], Resource: string | string[] = "*", Condition?: object) => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});
const trust = (Principal: object, more: object = {}) =>
  policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole", ...more });

let server: SimulatedServer;
let hosts: readonly [Host, Host];
let iam: IAM;
const closing: { destroy(): void }[] = [];

beforeAll(async () => {
  server = await startSimulatedServer({ allowReset: true });
  hosts = await startTwoHosts(server);
  iam = new IAM({ ...server.connection, maxAttempts: 1 });
  closing.push(iam);
  await iam.createRole({
    RoleName: "admin",
    AssumeRolePolicyDocument: trust({ Service: ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"] }),
  });
  await iam.attachRolePolicy({ RoleName: "admin", PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" });
  await iam.createInstanceProfile({ InstanceProfileName: "admin" });
  await iam.addRoleToInstanceProfile({ InstanceProfileName: "admin", RoleName: "admin" });
}, 60_000);
afterAll(async () => {
  for (const client of closing) client.destroy();
  await server.close();
});

let number = 0;
interface Attacker extends Signer {
  readonly name: string;
}
/** A user with these statements and a key. */
async function user(...statements: object[]): Promise<Attacker> {
  const UserName = `user${(number += 1)}`;
  await iam.createUser({ UserName });
  if (statements.length > 0)
    await iam.putUserPolicy({ UserName, PolicyName: "own", PolicyDocument: policy(...statements) });
  return { ...(await keyOf(UserName)), name: UserName };
}
async function keyOf(UserName: string): Promise<Signer> {
  const { AccessKey: { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = {} } =
    await iam.createAccessKey({ UserName });
  return { endpoint: server.endpoint, credentials: { accessKeyId, secretAccessKey } };
}
async function assume(
  by: Signer,
  RoleArn: string,
  more: { Policy?: string; RoleSessionName?: string } = {},
): Promise<Signer> {
  const { endpoint, region } = server.connection;
  const { accessKeyId, secretAccessKey } = by.credentials;
  const sts = new STS({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });
  closing.push(sts);
  const { Credentials: { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = {} } =
    await sts.assumeRole({
      RoleArn,
      RoleSessionName: "night",
      ...more,
    });
  const credentials: SigningCredentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  };
  return { endpoint: server.endpoint, credentials };
}
/** The path as it stands: a URL's would be put in order before it is sent. */
function sendTo(path: string, { method, url, headers, body }: Unsent): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, method, headers }, (incoming) => {
      incoming.resume();
      incoming.on("end", () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
const outcome = ({ status, code }: Answer) => `${status} ${code ?? ""}`;

describe("a request of a user or of a session", () => {
  let userKey: Signer;
  let session: Signer;
  let other: Signer;
  beforeAll(async () => {
    userKey = await user(allow("*"));
    const { Role } = await iam.createRole({
      RoleName: "anybodys",
      AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }),
    });
    await iam.putRolePolicy({ RoleName: "anybodys", PolicyName: "own", PolicyDocument: policy(allow("*")) });
    session = await assume(userKey, Role?.Arn ?? "");
    other = await assume(userKey, Role?.Arn ?? "");
  });

  const with_ = (request: Unsent, headers: Record<string, string>): Unsent => ({
    ...request,
    headers: { ...request.headers, ...headers },
  });
  const attacks: readonly (readonly [string, (signed: Unsent) => Unsent, Partial<Signer>, string])[] = [
    [
      "unsigned",
      ({ headers: { authorization: _, ...headers }, ...r }) => ({ ...r, headers }),
      {},
      "403 MissingAuthenticationToken",
    ],
    [
      "replayed after five minutes",
      (r) => r,
      { time: Date.now() - 5 * MINUTE - 5000 },
      "403 SignatureDoesNotMatch",
    ],
    ["with another body", (r) => ({ ...r, body: `${r.body}&MaxItems=1` }), {}, "403 SignatureDoesNotMatch"],
    ["sent to another host", (r) => with_(r, { host: "iam.amazonaws.com" }), {}, "403 SignatureDoesNotMatch"],
    [
      "with an action in a query that was not signed",
      (r) => ({ ...r, url: `${r.url}?Action=DeleteRole&RoleName=admin` }),
      {},
      "403 SignatureDoesNotMatch",
    ],
    [
      "scoped to the day before",
      (r) =>
        with_(r, { authorization: (r.headers["authorization"] ?? "").replace(/\/\d{8}\//, "/20200101/") }),
      {},
      "403 SignatureDoesNotMatch",
    ],
    [
      "moved to another region",
      (r) =>
        with_(r, { authorization: (r.headers["authorization"] ?? "").replace("/us-east-1/", "/eu-west-1/") }),
      {},
      "403 SignatureDoesNotMatch",
    ],
  ];

  it.each(
    attacks.flatMap(([what, attack, signer, expected]) =>
      (["user", "session"] as const).map((who) => [who, what, attack, signer, expected] as const),
    ),
  )("(%s) %s is refused", async (who, _what, attack, signer, expected) => {
    const by = { ...(who === "user" ? userKey : session), ...signer };
    expect(outcome(await send(attack(sign("iam", callOf("iam", "ListUsers"), by))))).toBe(expected);
  });

  it("signed for another service reaches that one alone", async () => {
    const answer = await call("iam", "ListUsers", {}, { ...userKey, scopeService: "sts" });
    // Query has nothing but the scope to tell the service by: STS has no such operation.
    expect(answer.code).toMatch(/^(InvalidAction|UnknownOperationException)$/);
    expect(await call("sts", "GetCallerIdentity", {}, { ...userKey, scopeService: "iam" })).toMatchObject({
      code: answer.code,
    });
  });

  it.each<[string, () => SigningCredentials]>([
    ["without its token", () => ({ ...session.credentials, sessionToken: undefined })],
    [
      "with another session's token",
      () => ({ ...session.credentials, sessionToken: other.credentials.sessionToken }),
    ],
    [
      "with another session's secret",
      () => ({ ...session.credentials, secretAccessKey: other.credentials.secretAccessKey }),
    ],
    [
      "of a key with a session's token",
      () => ({ ...userKey.credentials, sessionToken: session.credentials.sessionToken }),
    ],
    [
      "with a token that was cut",
      () => ({ ...session.credentials, sessionToken: session.credentials.sessionToken?.slice(0, -4) }),
    ],
  ])("%s is refused", async (_what, credentials) => {
    const answer = await call("iam", "ListUsers", {}, { ...session, credentials: credentials() });
    expect(outcome(answer)).toMatch(/^403 (InvalidClientTokenId|SignatureDoesNotMatch)$/);
  });

  it.each([
    "/_estiba/reset",
    "//_estiba/reset",
    "/./_estiba/reset",
    "/x/../_estiba/reset",
    "/%5Festiba/reset",
    "/_estiba/%2e%2e/_estiba/reset",
    "/_estiba/reset/../..",
    "/_estiba/reset/%2e%2e/%2e%2e/",
    "/_estiba/reset?",
    "http://else.where/_estiba/reset",
  ])("of root, signed for / and sent to %s, empties nothing", async (path) => {
    const root = { endpoint: server.endpoint, credentials: server.connection.credentials };
    await sendTo(path, sign("ecs", callOf("ecs", "ListClusters"), root));
    expect(taskRow(server, hosts[0].taskArn)).toBeDefined();
    expect(await call("sts", "GetCallerIdentity", {}, userKey)).toMatchObject({ status: 200 });
  });

  it("does not empty the server, whatever its policies say", async () => {
    for (const by of [userKey, session]) {
      const reset = sign("ecs", { method: "POST", headers: {}, body: "" }, { ...by, path: "/_estiba/reset" });
      expect(await send(reset)).toMatchObject({ status: 403 });
    }
    expect(taskRow(server, hosts[0].taskArn)).toBeDefined();
  });
});

describe("a user who may manage tasks but pass no role", () => {
  let attacker: Attacker;
  let definition: string;
  beforeAll(async () => {
    attacker = await user(
      allow(["ecs:*", "ec2:*"]),
      allow(["iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"]),
    );
    await registerApp(server, { family: "plain" });
    definition = await registerApp(server, { family: "powerful", taskRoleArn: arn("role/admin") });
  });
  const container = { name: "app", image: "app:1", memory: 64 };
  const register = (roles: object) => ({ family: "mine", containerDefinitions: [container], ...roles });

  it.each<[string, Service, string, () => Readonly<Record<string, unknown>>]>([
    [
      "a task definition's role",
      "ecs",
      "RegisterTaskDefinition",
      () => register({ taskRoleArn: arn("role/admin") }),
    ],
    ["one named without its ARN", "ecs", "RegisterTaskDefinition", () => register({ taskRoleArn: "admin" })],
    [
      "the execution role",
      "ecs",
      "RegisterTaskDefinition",
      () => register({ executionRoleArn: arn("role/admin") }),
    ],
    [
      "that of somebody else's definition",
      "ecs",
      "RunTask",
      () => ({ cluster: "web", taskDefinition: definition }),
    ],
    ["the same by its family", "ecs", "RunTask", () => ({ cluster: "web", taskDefinition: "powerful" })],
    [
      "one that overrides",
      "ecs",
      "RunTask",
      () => ({ cluster: "web", taskDefinition: "app", overrides: { taskRoleArn: arn("role/admin") } }),
    ],
    [
      "an execution role that overrides",
      "ecs",
      "RunTask",
      () => ({ cluster: "web", taskDefinition: "plain", overrides: { executionRoleArn: arn("role/admin") } }),
    ],
    [
      "one for a chosen instance",
      "ecs",
      "StartTask",
      () => ({
        cluster: "web",
        taskDefinition: definition,
        containerInstances: [hosts[0].containerInstanceArn],
      }),
    ],
    [
      "a new service's",
      "ecs",
      "CreateService",
      () => ({ cluster: "web", serviceName: "mine", taskDefinition: definition, desiredCount: 1 }),
    ],
    [
      "a service's that gets another definition",
      "ecs",
      "UpdateService",
      () => ({ cluster: "web", service: "spread", taskDefinition: definition }),
    ],
  ])("hands over no role: %s", async (_what, service, operation, input) => {
    const answer = await call(service, operation, input(), attacker);
    expect(outcome(answer)).toBe("400 AccessDeniedException");
    expect(answer.message).toContain(
      `is not authorized to perform: iam:PassRole on resource: ${arn("role/admin")}`,
    );
  });

  it("hands over no role: by an instance profile, that of others or its own", async () => {
    const launch = await call(
      "ec2",
      "RunInstances",
      { ImageId: "ami-1", MinCount: 1, MaxCount: 1, "IamInstanceProfile.Name": "admin" },
      attacker,
    );
    expect(outcome(launch)).toBe("403 UnauthorizedOperation");
    expect(launch.message).toContain(`perform: iam:PassRole on resource: ${arn("role/admin")}`);
    const made = await call("iam", "CreateInstanceProfile", { InstanceProfileName: "mine" }, attacker);
    expect(outcome(made)).toBe("200 ");
    const added = await call(
      "iam",
      "AddRoleToInstanceProfile",
      { InstanceProfileName: "mine", RoleName: "admin" },
      attacker,
    );
    expect(outcome(added)).toBe("403 AccessDenied");
    expect(added.message).toContain("iam:PassRole");
  });

  it("hands a role to no other service than it may", async () => {
    const toInstances = await user(
      allow("ecs:*"),
      allow("iam:PassRole", arn("role/*"), { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } }),
    );
    const answer = await call(
      "ecs",
      "RegisterTaskDefinition",
      register({ taskRoleArn: arn("role/admin") }),
      toInstances,
    );
    expect(outcome(answer)).toBe("400 AccessDeniedException");
  });
});

describe("a user who manages only itself", () => {
  let attacker: Attacker;
  let victim: Attacker;
  beforeAll(async () => {
    victim = await user(allow("*"));
    attacker = await user(allow(["iam:*AccessKey*", "iam:GetUser"], `${arn("user/")}\${aws:username}`));
    await iam.createGroup({ GroupName: "admins" });
    await iam.createPolicy({ PolicyName: "shared", PolicyDocument: policy(allow("ecs:ListClusters")) });
    await iam.attachUserPolicy({ UserName: attacker.name, PolicyArn: arn("policy/shared") });
  });
  const own = () => ({ UserName: attacker.name });
  const everything = policy(allow("*"));

  it.each<[string, () => Readonly<Record<string, unknown>>]>([
    ["CreateAccessKey", () => ({ UserName: victim.name })],
    ["CreateAccessKey", () => ({ UserName: victim.name.toUpperCase() })],
    [
      "UpdateAccessKey",
      () => ({ UserName: victim.name, AccessKeyId: victim.credentials.accessKeyId, Status: "Inactive" }),
    ],
    ["DeleteAccessKey", () => ({ UserName: victim.name, AccessKeyId: victim.credentials.accessKeyId })],
    ["GetAccessKeyLastUsed", () => ({ AccessKeyId: victim.credentials.accessKeyId })],
    ["AttachUserPolicy", () => ({ ...own(), PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" })],
    ["PutUserPolicy", () => ({ ...own(), PolicyName: "more", PolicyDocument: everything })],
    ["AddUserToGroup", () => ({ ...own(), GroupName: "admins" })],
    ["PutGroupPolicy", () => ({ GroupName: "admins", PolicyName: "more", PolicyDocument: everything })],
    [
      "CreatePolicyVersion",
      () => ({ PolicyArn: arn("policy/shared"), PolicyDocument: everything, SetAsDefault: true }),
    ],
    ["SetDefaultPolicyVersion", () => ({ PolicyArn: arn("policy/shared"), VersionId: "v1" })],
    ["UpdateAssumeRolePolicy", () => ({ RoleName: "admin", PolicyDocument: trust({ AWS: ACCOUNT }) })],
    ["UpdateUser", () => ({ ...own(), NewUserName: "somebody" })],
    ["DeleteUserPermissionsBoundary", own],
    ["CreateServiceLinkedRole", () => ({ AWSServiceName: "spot.amazonaws.com" })],
    ["GetAccountAuthorizationDetails", () => ({})],
  ])("is denied %s", async (operation, input) => {
    const answer = await call("iam", operation, input(), attacker);
    expect(outcome(answer)).toBe("403 AccessDenied");
    expect(answer.message).toContain(`perform: iam:${operation} on resource:`);
  });

  it("takes no other user's key by naming itself", async () => {
    const answer = await call(
      "iam",
      "DeleteAccessKey",
      { ...own(), AccessKeyId: victim.credentials.accessKeyId },
      attacker,
    );
    expect(outcome(answer)).toBe("404 NoSuchEntity");
    expect(await call("iam", "GetUser", {}, victim)).toMatchObject({ status: 200 });
  });

  it("cannot say its parameter twice, once for the judge and once for the deed", async () => {
    for (const [first, second] of [
      [attacker.name, victim.name],
      [victim.name, attacker.name],
    ]) {
      await call("iam", "CreateAccessKey", `UserName=${first}&UserName=${second}`, attacker);
    }
    const { AccessKeyMetadata } = await iam.listAccessKeys({ UserName: victim.name });
    expect(AccessKeyMetadata?.map((key) => key.AccessKeyId)).toEqual([victim.credentials.accessKeyId]);
  });
});

describe("who may make users and roles only within a boundary", () => {
  let attacker: Attacker;
  const within = { StringEquals: { "iam:PermissionsBoundary": arn("policy/fence") } };
  beforeAll(async () => {
    await iam.createPolicy({
      PolicyName: "fence",
      PolicyDocument: policy(allow(["ecs:List*", "iam:*", "sts:*"])),
    });
    attacker = await user(
      allow(
        [
          "iam:CreateUser",
          "iam:PutUserPolicy",
          "iam:AttachUserPolicy",
          "iam:CreateRole",
          "iam:PutRolePolicy",
          "iam:PutUserPermissionsBoundary",
          "iam:DeleteUserPermissionsBoundary",
        ],
        "*",
        within,
      ),
      allow(["iam:CreateAccessKey"]),
      {
        Effect: "Deny",
        Action: ["iam:DeleteUserPermissionsBoundary", "iam:CreatePolicyVersion"],
        Resource: "*",
      },
    );
  });
  const by = (operation: string, input: Readonly<Record<string, unknown>>) =>
    call("iam", operation, input, attacker);
  const fence = { PermissionsBoundary: arn("policy/fence") };

  it("makes none without it or with another", async () => {
    expect(outcome(await by("CreateUser", { UserName: "free" }))).toBe("403 AccessDenied");
    const other = { PermissionsBoundary: "arn:aws:iam::aws:policy/AdministratorAccess" };
    expect(outcome(await by("CreateUser", { UserName: "free", ...other }))).toBe("403 AccessDenied");
    const role = { RoleName: "free", AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) };
    expect(outcome(await by("CreateRole", role))).toBe("403 AccessDenied");
    expect(outcome(await by("CreateRole", { ...role, ...fence }))).toBe("200 ");
  });

  it("gives nobody more than the boundary, and takes it from nobody", async () => {
    expect(outcome(await by("CreateUser", { UserName: "fenced", ...fence }))).toBe("200 ");
    const document = { PolicyName: "all", PolicyDocument: policy(allow("*")) };
    expect(outcome(await by("PutUserPolicy", { UserName: "fenced", ...document }))).toBe("200 ");
    const fenced = await keyOf("fenced");
    expect(outcome(await call("ecs", "ListClusters", {}, fenced))).toBe("200 ");
    const answer = await call("ecs", "DescribeClusters", {}, fenced);
    expect(answer.message).toContain(
      "because no permissions boundary allows the ecs:DescribeClusters action",
    );
    expect(outcome(await by("DeleteUserPermissionsBoundary", { UserName: "fenced" }))).toBe(
      "403 AccessDenied",
    );
    const admin = { PermissionsBoundary: "arn:aws:iam::aws:policy/AdministratorAccess" };
    expect(outcome(await by("PutUserPermissionsBoundary", { UserName: "fenced", ...admin }))).toBe(
      "403 AccessDenied",
    );
    // A user outside of the fence is not for it to change.
    const free = await user();
    expect(outcome(await by("PutUserPolicy", { UserName: free.name, ...document }))).toBe("403 AccessDenied");
  });
});

describe("a session", () => {
  let roleArn: string;
  let attacker: Attacker;
  beforeAll(async () => {
    attacker = await user(allow("sts:AssumeRole"));
    const { Role } = await iam.createRole({
      RoleName: "wide",
      AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }),
    });
    roleArn = Role?.Arn ?? "";
    await iam.putRolePolicy({ RoleName: "wide", PolicyName: "own", PolicyDocument: policy(allow("*")) });
  });

  it("that was narrowed does not assume its role anew to be wide again", async () => {
    const narrow = await assume(attacker, roleArn, { Policy: policy(allow("ecs:ListClusters")) });
    const answer = await call("sts", "AssumeRole", { RoleArn: roleArn, RoleSessionName: "wide" }, narrow);
    expect(outcome(answer)).toBe("403 AccessDenied");
    expect(answer.message).toContain("because no session policy allows the sts:AssumeRole action");
    expect(outcome(await call("sts", "GetSessionToken", {}, narrow))).toBe("403 AccessDenied");
  });

  it("named like an instance or a task is neither", async () => {
    await iam.createRole({ RoleName: "agent", AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) });
    const [own, other] = hosts;
    const imitation = await assume(attacker, arn("role/agent"), { RoleSessionName: own.instanceId });
    expect(await channelRefusal("acs", own.containerInstanceArn, imitation)).toMatchObject({
      type: "AccessDeniedException",
    });
    const { document, signature } = await server.identityOf(own.instanceId);
    const registered = await call(
      "ecs",
      "RegisterContainerInstance",
      { cluster: "web", instanceIdentityDocument: document, instanceIdentityDocumentSignature: signature },
      imitation,
    );
    expect(outcome(registered)).toBe("400 AccessDeniedException");
    const report = { cluster: "web", task: other.taskArn, status: "STOPPED" };
    expect(outcome(await call("ecs", "SubmitTaskStateChange", report, imitation))).toBe(
      "400 AccessDeniedException",
    );
    expect(instanceRow(server, own.containerInstanceArn)?.agentConnected).toBe(true);
    expect(taskRow(server, other.taskArn)?.lastStatus).toBe("RUNNING");
  });

  it("is not made by a host or a task of a role that trusts services only", async () => {
    const host: Signer = {
      endpoint: server.endpoint,
      credentials: await server.credentialsOf(hosts[0].instanceId),
    };
    for (const RoleName of ["admin", "app", "ecsInstanceRole"]) {
      const answer = await call(
        "sts",
        "AssumeRole",
        { RoleArn: arn(`role/${RoleName}`), RoleSessionName: "xx" },
        host,
      );
      expect(outcome(answer)).toBe("403 AccessDenied");
      expect(answer.message).toContain("because no role trust policy allows the sts:AssumeRole action");
    }
  });

  it("is not made by who is trusted under a name that another has now", async () => {
    const trusted = await user();
    await iam.createRole({
      RoleName: "partner",
      AssumeRolePolicyDocument: trust({ AWS: arn(`user/${trusted.name}`) }),
    });
    expect(
      outcome(
        await call("sts", "AssumeRole", { RoleArn: arn("role/partner"), RoleSessionName: "xx" }, trusted),
      ),
    ).toBe("200 ");
    const stranger = await user();
    const input = { RoleArn: arn("role/partner"), RoleSessionName: "xx" };
    expect(outcome(await call("sts", "AssumeRole", input, stranger))).toBe("403 AccessDenied");
    // Whoever is made under the name of a trusted user that is gone is somebody else.
    await iam.deleteAccessKey({ UserName: trusted.name, AccessKeyId: trusted.credentials.accessKeyId });
    await iam.deleteUser({ UserName: trusted.name });
    await iam.createUser({ UserName: trusted.name });
    expect(outcome(await call("sts", "AssumeRole", input, await keyOf(trusted.name)))).toBe(
      "403 AccessDenied",
    );
  });
});
