// Users who have little and try to get more by what they may do: roles handed over, policies changed, keys made, boundaries left.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IAM } from "@aws-sdk/client-iam";
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
import { call, type Service } from "#tests/support/signed-request.ts";
import type { SimulatedServer } from "#tests/support/simulated-server.ts";
import { registerApp, type Host } from "#tests/support/two-hosts.ts";

let world: AttackedServer;
let server: SimulatedServer;
let hosts: readonly [Host, Host];
let iam: IAM;
beforeAll(async () => {
  world = await startAttackedServer();
  ({ server, hosts, iam } = world);
}, 60_000);
afterAll(() => world.close());

describe("a user who may manage tasks but pass no role", () => {
  let attacker: Attacker;
  let definition: string;
  beforeAll(async () => {
    attacker = await world.user(
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
    const toInstances = await world.user(
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
    victim = await world.user(allow("*"));
    attacker = await world.user(allow(["iam:*AccessKey*", "iam:GetUser"], `${arn("user/")}\${aws:username}`));
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
    attacker = await world.user(
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
    const fenced = await world.keyOf("fenced");
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
    const free = await world.user();
    expect(outcome(await by("PutUserPolicy", { UserName: free.name, ...document }))).toBe("403 AccessDenied");
  });
});
