// Requests that somebody changed or kept, and sessions that try to be more than they are, against a whole server. Requests whose signature
// does not stand are signatures.test.ts's too, hosts and tasks against one another host-identity.test.ts's and lifetimes.test.ts's.
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IAM } from "@aws-sdk/client-iam";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { channelRefusal } from "#tests/support/agent-channel.ts";
import {
  ACCOUNT,
  allow,
  arn,
  outcome,
  policy,
  startAttackedServer,
  trust,
  type AttackedServer,
  type Attacker,
} from "#tests/support/attackers.ts";
import { call, callOf, send, sign, type Signer, type Unsent } from "#tests/support/signed-request.ts";
import type { SimulatedServer } from "#tests/support/simulated-server.ts";
import { instanceRow, taskRow, type Host } from "#tests/support/two-hosts.ts";

const MINUTE = 60_000;
let world: AttackedServer;
let server: SimulatedServer;
let hosts: readonly [Host, Host];
let iam: IAM;
beforeAll(async () => {
  world = await startAttackedServer();
  ({ server, hosts, iam } = world);
}, 60_000);
afterAll(() => world.close());

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
describe("a request of a user or of a session", () => {
  let userKey: Signer;
  let session: Signer;
  let other: Signer;
  beforeAll(async () => {
    userKey = await world.user(allow("*"));
    const { Role } = await iam.createRole({
      RoleName: "anybodys",
      AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }),
    });
    await iam.putRolePolicy({ RoleName: "anybodys", PolicyName: "own", PolicyDocument: policy(allow("*")) });
    session = await world.assume(userKey, Role?.Arn ?? "");
    other = await world.assume(userKey, Role?.Arn ?? "");
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

describe("a session", () => {
  let roleArn: string;
  let attacker: Attacker;
  beforeAll(async () => {
    attacker = await world.user(allow("sts:AssumeRole"));
    const { Role } = await iam.createRole({
      RoleName: "wide",
      AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }),
    });
    roleArn = Role?.Arn ?? "";
    await iam.putRolePolicy({ RoleName: "wide", PolicyName: "own", PolicyDocument: policy(allow("*")) });
  });

  it("that was narrowed does not assume its role anew to be wide again", async () => {
    const narrow = await world.assume(attacker, roleArn, { Policy: policy(allow("ecs:ListClusters")) });
    const answer = await call("sts", "AssumeRole", { RoleArn: roleArn, RoleSessionName: "wide" }, narrow);
    expect(outcome(answer)).toBe("403 AccessDenied");
    expect(answer.message).toContain("because no session policy allows the sts:AssumeRole action");
    expect(outcome(await call("sts", "GetSessionToken", {}, narrow))).toBe("403 AccessDenied");
  });

  it("named like an instance or a task is neither", async () => {
    await iam.createRole({ RoleName: "agent", AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) });
    const [own, other] = hosts;
    const imitation = await world.assume(attacker, arn("role/agent"), { RoleSessionName: own.instanceId });
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
    const trusted = await world.user();
    await iam.createRole({
      RoleName: "partner",
      AssumeRolePolicyDocument: trust({ AWS: arn(`user/${trusted.name}`) }),
    });
    expect(
      outcome(
        await call("sts", "AssumeRole", { RoleArn: arn("role/partner"), RoleSessionName: "xx" }, trusted),
      ),
    ).toBe("200 ");
    const stranger = await world.user();
    const input = { RoleArn: arn("role/partner"), RoleSessionName: "xx" };
    expect(outcome(await call("sts", "AssumeRole", input, stranger))).toBe("403 AccessDenied");
    // Whoever is made under the name of a trusted user that is gone is somebody else.
    await iam.deleteAccessKey({ UserName: trusted.name, AccessKeyId: trusted.credentials.accessKeyId });
    await iam.deleteUser({ UserName: trusted.name });
    await iam.createUser({ UserName: trusted.name });
    expect(outcome(await call("sts", "AssumeRole", input, await world.keyOf(trusted.name)))).toBe(
      "403 AccessDenied",
    );
  });
});
