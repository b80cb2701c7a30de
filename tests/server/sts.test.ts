// Users, their keys and the roles that they assume, on a whole server, through the official SDK.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { EC2 } from "@aws-sdk/client-ec2";
import { ECS } from "@aws-sdk/client-ecs";
import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { IAM } from "@aws-sdk/client-iam";
import { STS, type AssumeRoleCommandInput, type Credentials } from "@aws-sdk/client-sts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

let server: SimulatedServer;
let root: ReturnType<typeof clients>;
const open: { destroy(): void }[] = [];

interface Keys {
  readonly AccessKeyId?: string | undefined;
  readonly SecretAccessKey?: string | undefined;
  readonly SessionToken?: string | undefined;
}
function clients(keys?: Keys) {
  const { connection } = server;
  const credentials =
    keys === undefined
      ? connection.credentials
      : {
          accessKeyId: keys.AccessKeyId ?? "",
          secretAccessKey: keys.SecretAccessKey ?? "",
          ...(keys.SessionToken === undefined ? {} : { sessionToken: keys.SessionToken }),
        };
  const options = { ...connection, credentials, maxAttempts: 1 };
  const made = {
    iam: new IAM(options),
    sts: new STS(options),
    ecs: new ECS(options),
    ec2: new EC2(options),
    elb: new ElasticLoadBalancingV2(options),
  };
  open.push(...Object.values(made));
  return made;
}

beforeAll(async () => {
  server = await startSimulatedServer();
  root = clients();
}, 30_000);
afterAll(async () => {
  for (const client of open) client.destroy();
  await server.close();
});

const ACCOUNT = "000000000000";
const policy = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const allow = (Action: string | string[], Resource = "*", more: object = {}) =>
  policy({ Effect: "Allow", Action, Resource, ...more });
const trust = (Principal: object | string, more: object = {}) =>
  policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole", ...more });

let number = 0;
const fresh = (word: string) => `${word}${(number += 1)}`;

/** A user with a key and, if given, an inline policy. */
async function user(document?: string, more: { PermissionsBoundary?: string } = {}) {
  const UserName = fresh("user");
  await root.iam.createUser({ UserName, ...more });
  if (document !== undefined)
    await root.iam.putUserPolicy({ UserName, PolicyName: "own", PolicyDocument: document });
  const { AccessKey } = await root.iam.createAccessKey({ UserName });
  return {
    UserName,
    arn: `arn:aws:iam::${ACCOUNT}:user/${UserName}`,
    key: AccessKey,
    ...clients(AccessKey ?? {}),
  };
}
async function role(AssumeRolePolicyDocument: string, document = allow("ecs:ListClusters")) {
  const RoleName = fresh("role");
  const { Role } = await root.iam.createRole({ RoleName, AssumeRolePolicyDocument });
  await root.iam.putRolePolicy({ RoleName, PolicyName: "own", PolicyDocument: document });
  return Role?.Arn ?? "";
}
const assume = async (
  sts: STS,
  RoleArn: string,
  more: Partial<AssumeRoleCommandInput> = {},
): Promise<Credentials> => {
  const { Credentials: made } = await sts.assumeRole({ RoleArn, RoleSessionName: "night", ...more });
  return made ?? ({} as Credentials);
};
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "allowed";
}

describe("a user's access key", () => {
  it("signs as the user, which may ask who it is and nothing else", async () => {
    const { sts, ecs, arn } = await user();
    expect(await sts.getCallerIdentity({})).toMatchObject({
      Arn: arn,
      Account: ACCOUNT,
      UserId: expect.stringMatching(/^AIDA/) as string,
    });
    expect(await refusal(ecs.listClusters({}))).toBe(
      `AccessDeniedException: User: ${arn} is not authorized to perform: ecs:ListClusters on resource: * because no identity-based policy allows the ecs:ListClusters action`,
    );
  });

  it("may what the user's own policies, attached ones and those of its groups allow, at once", async () => {
    const { ecs, UserName } = await user(allow("ecs:ListClusters"));
    const tries = async () => [
      await refusal(ecs.listClusters({})),
      await refusal(ecs.listTaskDefinitions({})),
      await refusal(ecs.listAccountSettings({})),
    ];
    const allowed = async () => (await tries()).map((answer) => answer === "allowed");
    expect(await allowed()).toEqual([true, false, false]);
    const { Policy } = await root.iam.createPolicy({
      PolicyName: fresh("policy"),
      PolicyDocument: allow("ecs:ListTaskDefinitions"),
    });
    const PolicyArn = Policy?.Arn ?? "";
    await root.iam.attachUserPolicy({ UserName, PolicyArn });
    const GroupName = fresh("group");
    await root.iam.createGroup({ GroupName });
    await root.iam.putGroupPolicy({
      GroupName,
      PolicyName: "own",
      PolicyDocument: allow("ecs:ListAccountSettings"),
    });
    await root.iam.addUserToGroup({ GroupName, UserName });
    expect(await allowed()).toEqual([true, true, true]);
    await root.iam.removeUserFromGroup({ GroupName, UserName });
    await root.iam.detachUserPolicy({ UserName, PolicyArn });
    await root.iam.attachGroupPolicy({ GroupName, PolicyArn });
    await root.iam.deleteUserPolicy({ UserName, PolicyName: "own" });
    expect(await allowed()).toEqual([false, false, false]);
    await root.iam.addUserToGroup({ GroupName, UserName });
    expect(await allowed()).toEqual([false, true, true]);
  });

  it("may no more than its boundary allows", async () => {
    const { Policy } = await root.iam.createPolicy({
      PolicyName: fresh("boundary"),
      PolicyDocument: allow("ecs:List*"),
    });
    const { ecs, UserName } = await user(allow("*"), { PermissionsBoundary: Policy?.Arn ?? "" });
    expect(await refusal(ecs.listClusters({}))).toBe("allowed");
    expect(await refusal(ecs.describeClusters({}))).toMatch(
      /because no permissions boundary allows the ecs:DescribeClusters action$/,
    );
    await root.iam.deleteUserPermissionsBoundary({ UserName });
    expect(await refusal(ecs.describeClusters({}))).toBe("allowed");
  });

  it("does not sign when it is off, and never again when it is deleted", async () => {
    const { sts, ecs, ec2, UserName, key } = await user();
    const AccessKeyId = key?.AccessKeyId ?? "";
    await root.iam.updateAccessKey({ UserName, AccessKeyId, Status: "Inactive" });
    expect(await refusal(sts.getCallerIdentity({}))).toMatch(/^InvalidClientTokenId/);
    expect(await refusal(ecs.listClusters({}))).toMatch(/^UnrecognizedClientException/);
    expect(await refusal(ec2.describeVpcs({}))).toMatch(/^AuthFailure/);
    await root.iam.updateAccessKey({ UserName, AccessKeyId, Status: "Active" });
    expect(await refusal(sts.getCallerIdentity({}))).toBe("allowed");
    await root.iam.deleteAccessKey({ UserName, AccessKeyId });
    expect(await refusal(sts.getCallerIdentity({}))).toMatch(/^InvalidClientTokenId/);
  });

  it("is known by when, where and for what it was last used", async () => {
    const { sts, key } = await user();
    const AccessKeyId = key?.AccessKeyId ?? "";
    const lastUse = async () => (await root.iam.getAccessKeyLastUsed({ AccessKeyId })).AccessKeyLastUsed;
    expect(await lastUse()).toMatchObject({ ServiceName: "N/A", Region: "N/A" });
    await sts.getCallerIdentity({});
    await expect.poll(lastUse).toMatchObject({
      LastUsedDate: expect.any(Date) as Date,
      ServiceName: "sts",
      Region: "us-east-1",
    });
    expect(await root.sts.getAccessKeyInfo({ AccessKeyId })).toMatchObject({ Account: ACCOUNT });
  });

  it("lets a user care for its own keys where a policy says so by variable", async () => {
    const own = await user(allow("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}"));
    const other = await user();
    expect((await own.iam.listAccessKeys({})).AccessKeyMetadata?.map((k) => k.UserName)).toEqual([
      own.UserName,
    ]);
    expect(await refusal(own.iam.createAccessKey({}))).toBe("allowed");
    expect(await refusal(own.iam.createAccessKey({}))).toMatch(
      /^LimitExceededException: Cannot exceed quota for AccessKeysPerUser: 2/,
    );
    expect(await refusal(own.iam.createAccessKey({ UserName: other.UserName }))).toMatch(/^AccessDenied/);
  });
});

describe("AssumeRole", () => {
  it("gives a session of the role with its rights, which tells its name", async () => {
    const { sts, arn } = await user();
    const roleArn = await role(trust({ AWS: arn }));
    const session = clients(await assume(sts, roleArn));
    expect(await session.sts.getCallerIdentity({})).toMatchObject({
      Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${roleArn.split("/").at(-1) ?? ""}/night`,
      UserId: expect.stringMatching(/^AROA.*:night$/) as string,
    });
    expect(await refusal(session.ecs.listClusters({}))).toBe("allowed");
    expect(await refusal(session.ecs.listTaskDefinitions({}))).toMatch(/^AccessDenied/);
  });

  it("needs the trust policy, and the caller's own where it names only the account", async () => {
    const plain = await user();
    const trusted = await user(allow("sts:AssumeRole"));
    const byAccount = await role(trust({ AWS: ACCOUNT }));
    const byService = await role(trust({ Service: "ec2.amazonaws.com" }));
    const denied = (who: string, arn: string, why: string) =>
      `AccessDenied: User: ${who} is not authorized to perform: sts:AssumeRole on resource: ${arn} because no ${why} allows the sts:AssumeRole action`;
    expect(await refusal(assume(plain.sts, byAccount))).toBe(
      denied(plain.arn, byAccount, "identity-based policy"),
    );
    expect(await refusal(assume(trusted.sts, byAccount))).toBe("allowed");
    expect(await refusal(assume(trusted.sts, byService))).toBe(
      denied(trusted.arn, byService, "role trust policy"),
    );
    const gone = `arn:aws:iam::${ACCOUNT}:role/gone`;
    expect(await refusal(assume(trusted.sts, gone))).toBe(denied(trusted.arn, gone, "role trust policy"));
    expect(await refusal(assume(root.sts, byAccount))).toBe(
      "AccessDenied: Roles may not be assumed by root accounts.",
    );
  });

  it("asks for the external id, the session's name and tags as the trust policy does", async () => {
    const { sts } = await user(allow("sts:*"));
    const external = await role(
      trust({ AWS: ACCOUNT }, { Condition: { StringEquals: { "sts:ExternalId": "0815" } } }),
    );
    expect(await refusal(assume(sts, external))).toMatch(/^AccessDenied.*role trust policy/);
    expect(await refusal(assume(sts, external, { ExternalId: "4711" }))).toMatch(/^AccessDenied/);
    expect(await refusal(assume(sts, external, { ExternalId: "0815" }))).toBe("allowed");
    // Tags need sts:TagSession of both policies.
    expect(
      await refusal(assume(sts, external, { ExternalId: "0815", Tags: [{ Key: "a", Value: "b" }] })),
    ).toMatch(/^AccessDenied.*sts:TagSession/);
  });

  it("narrows the session by policies that are passed", async () => {
    const { sts, arn } = await user();
    const roleArn = await role(trust({ AWS: arn }), allow("ecs:List*"));
    const narrow = clients(await assume(sts, roleArn, { Policy: allow(["ecs:ListClusters", "iam:*"]) }));
    expect(await refusal(narrow.ecs.listClusters({}))).toBe("allowed");
    expect(await refusal(narrow.ecs.listTaskDefinitions({}))).toMatch(
      /because no session policy allows the ecs:ListTaskDefinitions action$/,
    );
    expect(await refusal(narrow.iam.listUsers({}))).toMatch(/because no identity-based policy/);
    const { Policy } = await root.iam.createPolicy({
      PolicyName: fresh("policy"),
      PolicyDocument: allow("ecs:ListTaskDefinitions"),
    });
    const byArn = clients(await assume(sts, roleArn, { PolicyArns: [{ arn: Policy?.Arn }] }));
    expect(await refusal(byArn.ecs.listTaskDefinitions({}))).toBe("allowed");
    expect(await refusal(byArn.ecs.listClusters({}))).toMatch(/no session policy/);
  });

  it("carries tags and source identity, transitive tags along a chain", async () => {
    const { sts } = await user(allow("sts:*"));
    const open = trust({ AWS: ACCOUNT }).replace('"sts:AssumeRole"', '"sts:*"');
    const byTag = policy(
      {
        Effect: "Allow",
        Action: "ecs:ListClusters",
        Resource: "*",
        Condition: {
          StringEquals: { "aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "ada" },
        },
      },
      { Effect: "Allow", Action: "sts:*", Resource: "*" },
    );
    const [first, second] = [await role(open, byTag), await role(open, byTag)];
    const tags = {
      Tags: [
        { Key: "team", Value: "blue" },
        { Key: "shift", Value: "night" },
      ],
    };
    const one = clients(
      await assume(sts, first, { ...tags, TransitiveTagKeys: ["team"], SourceIdentity: "ada" }),
    );
    expect(await refusal(one.ecs.listClusters({}))).toBe("allowed");
    const two = clients(await assume(one.sts, second));
    expect(await refusal(two.ecs.listClusters({}))).toBe("allowed");
    expect(await refusal(assume(one.sts, second, { Tags: [{ Key: "Team", Value: "red" }] }))).toMatch(
      /^InvalidParameterValue: .*transitive tag key/,
    );
    expect(await refusal(assume(one.sts, second, { SourceIdentity: "bob" }))).toMatch(/^AccessDenied/);
    const untagged = clients(await assume(sts, second, { SourceIdentity: "ada" }));
    expect(await refusal(untagged.ecs.listClusters({}))).toMatch(/^AccessDenied/);
  });

  it("lasts as long as the role lets it, an hour at most where a role's session assumes", async () => {
    const { sts } = await user(allow("sts:*"));
    const roleArn = await role(trust({ AWS: ACCOUNT }), allow("sts:*"));
    const lasts = async (client: STS, DurationSeconds?: number) => {
      const before = Date.now();
      const more = DurationSeconds === undefined ? {} : { DurationSeconds };
      const { Expiration: at } = await assume(client, roleArn, more);
      return Math.round(((at?.getTime() ?? 0) - before) / 1000 / 60);
    };
    expect([await lasts(sts), await lasts(sts, 900)]).toEqual([60, 15]);
    expect(await refusal(lasts(sts, 3601))).toMatch(/exceeds the MaxSessionDuration set for this role/);
    expect(await refusal(lasts(sts, 899))).toMatch(/^ValidationError.*900/);
    await root.iam.updateRole({ RoleName: roleArn.split("/").at(-1), MaxSessionDuration: 43_200 });
    expect(await lasts(sts, 43_200)).toBe(720);
    expect(await refusal(lasts(sts, 43_201))).toMatch(/^ValidationError.*43200/);
    const session = clients(await assume(sts, roleArn));
    expect(await lasts(session.sts)).toBe(60);
    expect(await refusal(lasts(session.sts, 3601))).toMatch(
      /1 hour session limit for roles assumed by role chaining/,
    );
  });

  it.each<[string, Partial<AssumeRoleCommandInput>, RegExp]>([
    ["a session name with a space", { RoleSessionName: "a b" }, /^ValidationError.*roleSessionName/],
    ["a policy that is none", { Policy: "{" }, /^MalformedPolicyDocument/],
    [
      "a policy that is not there",
      { PolicyArns: [{ arn: "arn:aws:iam::aws:policy/X" }] },
      /^MalformedPolicyDocument/,
    ],
    [
      "a device",
      { SerialNumber: "123456789", TokenCode: "123456" },
      /^ValidationError: SerialNumber is not implemented/,
    ],
    ["a transitive tag that is not given", { TransitiveTagKeys: ["a"] }, /^InvalidParameterValue/],
  ])("refuses %s", async (_what, more, expected) => {
    const { sts } = await user(allow("sts:*"));
    const roleArn = await role(trust({ AWS: ACCOUNT }).replace('"sts:AssumeRole"', '"sts:*"'));
    expect(await refusal(assume(sts, roleArn, more))).toMatch(expected);
  });
});

describe("a session", () => {
  let sessions: { readonly keys: Credentials; readonly end: () => Promise<unknown> }[] = [];
  afterEach(() => {
    sessions = [];
  });

  it("ends with its role or its user, also when another is made under the name", async () => {
    const owner = await user(allow("*"));
    const roleArn = await role(trust({ AWS: ACCOUNT }), allow("*"));
    const RoleName = roleArn.split("/").at(-1);
    const { Credentials: token } = await owner.sts.getSessionToken({});
    sessions = [
      {
        keys: await assume(owner.sts, roleArn),
        async end() {
          await root.iam.deleteRolePolicy({ RoleName, PolicyName: "own" });
          await root.iam.deleteRole({ RoleName });
        },
      },
      {
        keys: token ?? ({} as Credentials),
        async end() {
          const { UserName } = owner;
          await root.iam.deleteUserPolicy({ UserName, PolicyName: "own" });
          await root.iam.deleteAccessKey({ UserName, AccessKeyId: owner.key?.AccessKeyId });
          await root.iam.deleteUser({ UserName });
        },
      },
    ];
    for (const { keys, end } of sessions) {
      const client = clients(keys);
      expect(await refusal(client.ecs.listClusters({}))).toBe("allowed");
      await end();
      expect(await refusal(client.ecs.listClusters({}))).toMatch(/^UnrecognizedClientException/);
    }
    await root.iam.createUser({ UserName: owner.UserName });
    await root.iam.createRole({ RoleName, AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) });
    for (const { keys } of sessions)
      expect(await refusal(clients(keys).sts.getCallerIdentity({}))).toMatch(/^InvalidClientTokenId/);
  });

  it("of GetSessionToken is the user's, but for IAM and another session", async () => {
    const { sts, arn } = await user(allow("*"));
    const { Credentials: keys } = await sts.getSessionToken({ DurationSeconds: 900 });
    const session = clients(keys ?? {});
    expect((await session.sts.getCallerIdentity({})).Arn).toBe(arn);
    expect(await refusal(session.ecs.listClusters({}))).toBe("allowed");
    expect(await refusal(session.iam.listUsers({}))).toMatch(/^AccessDenied/);
    expect(await refusal(session.sts.getSessionToken({}))).toBe(
      "AccessDenied: Cannot call GetSessionToken with session credentials",
    );
    const roleArn = await role(trust({ AWS: ACCOUNT }));
    expect(await refusal(assume(session.sts, roleArn))).toBe("allowed");
  });

  it("can be revoked by the time of its token, as the console does", async () => {
    const { sts, arn } = await user();
    const roleArn = await role(trust({ AWS: arn }), allow("*"));
    const session = clients(await assume(sts, roleArn));
    expect(await refusal(session.ecs.listClusters({}))).toBe("allowed");
    await root.iam.putRolePolicy({
      RoleName: roleArn.split("/").at(-1),
      PolicyName: "AWSRevokeOlderSessions",
      PolicyDocument: policy({
        Effect: "Deny",
        Action: "*",
        Resource: "*",
        Condition: { DateLessThan: { "aws:TokenIssueTime": new Date(Date.now() + 1000).toISOString() } },
      }),
    });
    expect(await refusal(session.ecs.listClusters({}))).toMatch(/explicit deny in an identity-based policy/);
  });
});

it("EC2's denials carry a message that those who may can decode", async () => {
  const { ec2, arn } = await user();
  const message = await refusal(ec2.describeVpcs({}));
  const encoded = /Encoded authorization failure message: (\S+)$/.exec(message)?.[1] ?? "";
  const reader = await user(allow("sts:DecodeAuthorizationMessage"));
  const { DecodedMessage } = await reader.sts.decodeAuthorizationMessage({ EncodedMessage: encoded });
  expect(JSON.parse(DecodedMessage ?? "")).toMatchObject({
    allowed: false,
    explicitDeny: false,
    context: { principal: { arn }, action: "ec2:DescribeVpcs", resource: "*" },
  });
  expect(await refusal(reader.sts.decodeAuthorizationMessage({ EncodedMessage: `${encoded}x` }))).toMatch(
    /^InvalidAuthorizationMessageException/,
  );
});

describe("the service-linked role of", () => {
  const RoleName = "AWSServiceRoleForECS";
  const isThere = async () => (await refusal(root.iam.getRole({ RoleName }))) === "allowed";

  it("ECS is made with a cluster or a service by who may make it; a service without it has no network of its own", async () => {
    await root.ecs.registerTaskDefinition({
      family: "linked",
      networkMode: "awsvpc",
      containerDefinitions: [{ name: "a", image: "a", memory: 64 }],
    });
    const { Subnets } = await root.ec2.describeSubnets({});
    const service = (ecs: ECS) =>
      ecs.createService({
        cluster: "linked",
        serviceName: "linked",
        taskDefinition: "linked",
        desiredCount: 0,
        networkConfiguration: { awsvpcConfiguration: { subnets: [Subnets?.[0]?.SubnetId ?? ""] } },
      });
    const may = await user(allow(["ecs:*", "iam:CreateServiceLinkedRole"]));
    const mayNot = await user(allow("ecs:*"));
    expect(await refusal(mayNot.ecs.createCluster({ clusterName: "linked" }))).toBe("allowed");
    expect(await isThere()).toBe(false);
    expect(await refusal(service(mayNot.ecs))).toBe(
      "InvalidParameterException: Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
    );
    expect(await refusal(service(may.ecs))).toBe("allowed");
    expect(await isThere()).toBe(true);
    const { DeletionTaskId } = await root.iam.deleteServiceLinkedRole({ RoleName });
    expect(await root.iam.getServiceLinkedRoleDeletionStatus({ DeletionTaskId })).toMatchObject({
      Status: "FAILED",
      Reason: {
        RoleUsageList: [{ Resources: [`arn:aws:ecs:us-east-1:${ACCOUNT}:cluster/linked`] }],
      },
    });
  });

  it("Elastic Load Balancing is made with the first load balancer, for which the caller must be allowed to", async () => {
    const mayNot = await user(allow("elasticloadbalancing:*"));
    const may = await user(allow(["elasticloadbalancing:*", "iam:CreateServiceLinkedRole"]));
    const { Subnets } = await root.ec2.describeSubnets({});
    const input = { Name: "linked", Subnets: (Subnets ?? []).slice(0, 2).map((s) => s.SubnetId ?? "") };
    expect(await refusal(mayNot.elb.createLoadBalancer(input))).toMatch(
      /^AccessDenied.*iam:CreateServiceLinkedRole on resource: \S+AWSServiceRoleForElasticLoadBalancing because/,
    );
    expect(await refusal(may.elb.createLoadBalancer(input))).toBe("allowed");
    expect(await refusal(mayNot.elb.createLoadBalancer({ ...input, Name: "second" }))).toBe("allowed");
  });
});
