import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CreateUserCommandInput, IAM } from "@aws-sdk/client-iam";
import { account } from "#gateway/gateway.suite.ts";
import { accessKeys } from "#store/tables/iam.ts";
import { allow, type IamWorld, refusal, startIam, trust } from "./fixture.suite.ts";

let world: IamWorld;
let iam: IAM;
beforeEach(async () => {
  world = await startIam();
  ({ iam } = world);
});
afterEach(() => world.close());

const ada = { UserName: "ada" };
const admins = { GroupName: "admins" };
const inline = { PolicyName: "own", PolicyDocument: allow("ecs:*") };
const AWS = "arn:aws:iam::aws:policy/AmazonECS_FullAccess";

describe("users", () => {
  it("are made with path and tags, shown, listed by path and in pages", async () => {
    const { User } = await iam.createUser({ ...ada, Path: "/dev/", Tags: [{ Key: "team", Value: "blue" }] });
    expect(User).toMatchObject({
      UserName: "ada",
      Path: "/dev/",
      Arn: `arn:aws:iam::${account}:user/dev/ada`,
      Tags: [{ Key: "team", Value: "blue" }],
      CreateDate: new Date(world.clock.now()),
    });
    expect(User?.UserId).toMatch(/^AIDA[0-9A-Z]{17}$/);
    expect((await iam.getUser(ada)).User).toEqual(User);
    for (const UserName of ["bob", "cleo"]) await iam.createUser({ UserName });
    const first = await iam.listUsers({ MaxItems: 2 });
    expect([first.IsTruncated, first.Users?.map((u) => u.UserName)]).toEqual([true, ["ada", "bob"]]);
    expect(
      (await iam.listUsers({ Marker: first.Marker, MaxItems: 2 })).Users?.map((u) => u.UserName),
    ).toEqual(["cleo"]);
    expect((await iam.listUsers({ PathPrefix: "/dev/" })).Users?.map((u) => [u.UserName, u.Tags])).toEqual([
      ["ada", undefined],
    ]);
    expect((await iam.getUser({})).User).toMatchObject({ UserId: account });
  });

  it("change name and path, and keep id, keys, groups and policies", async () => {
    const { User } = await iam.createUser(ada);
    await iam.createAccessKey(ada);
    await iam.createGroup(admins);
    await iam.addUserToGroup({ ...ada, ...admins });
    await iam.putUserPolicy({ ...ada, ...inline });
    await iam.updateUser({ ...ada, NewUserName: "lovelace", NewPath: "/x/" });
    const UserName = "lovelace";
    expect((await iam.getUser({ UserName })).User).toMatchObject({
      UserId: User?.UserId,
      Arn: `arn:aws:iam::${account}:user/x/lovelace`,
    });
    expect((await iam.listAccessKeys({ UserName })).AccessKeyMetadata).toHaveLength(1);
    expect((await iam.listGroupsForUser({ UserName })).Groups?.map((g) => g.GroupName)).toEqual(["admins"]);
    expect((await iam.listUserPolicies({ UserName })).PolicyNames).toEqual(["own"]);
    expect(await refusal(iam.getUser(ada))).toBe(
      "NoSuchEntityException: The user with name ada cannot be found.",
    );
    await iam.createUser({ UserName: "bob" });
    expect(await refusal(iam.updateUser({ UserName, NewUserName: "BOB" }))).toBe(
      "EntityAlreadyExistsException: User with name BOB already exists.",
    );
  });

  it("are deleted when nothing hangs on them any more", async () => {
    await iam.createUser(ada);
    const { AccessKey } = await iam.createAccessKey(ada);
    await iam.attachUserPolicy({ ...ada, PolicyArn: AWS });
    await iam.putUserPolicy({ ...ada, ...inline });
    await iam.createGroup(admins);
    await iam.addUserToGroup({ ...ada, ...admins });
    const remove = () => iam.deleteUser(ada);
    const conflict = "DeleteConflictException: Cannot delete entity, must";
    expect(await refusal(remove())).toBe(`${conflict} delete access keys first.`);
    await iam.deleteAccessKey({ ...ada, AccessKeyId: AccessKey?.AccessKeyId });
    expect(await refusal(remove())).toBe(`${conflict} detach all policies first.`);
    await iam.detachUserPolicy({ ...ada, PolicyArn: AWS });
    expect(await refusal(remove())).toBe(`${conflict} delete policies first.`);
    await iam.deleteUserPolicy({ ...ada, PolicyName: "own" });
    expect(await refusal(remove())).toBe(`${conflict} remove users from group first.`);
    await iam.removeUserFromGroup({ ...ada, ...admins });
    await remove();
    expect(await refusal(remove())).toMatch(/^NoSuchEntity/);
  });

  it("carry tags that change", async () => {
    await iam.createUser(ada);
    await iam.tagUser({
      ...ada,
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    });
    await iam.untagUser({ ...ada, TagKeys: ["a"] });
    expect((await iam.listUserTags(ada)).Tags).toEqual([{ Key: "b", Value: "2" }]);
  });

  it.each<[string, Partial<CreateUserCommandInput>, RegExp]>([
    [
      "a name that is taken in another case",
      { UserName: "ADA" },
      /^EntityAlreadyExistsException: User with name ADA already/,
    ],
    ["a name with a slash", { UserName: "a/b" }, /^ValidationError.*userName is invalid/],
    ["a name of 65 characters", { UserName: "a".repeat(65) }, /^ValidationError.*64/],
    ["a path without an end", { UserName: "b", Path: "/x" }, /^ValidationError.*path/],
    [
      "a boundary that is not there",
      { UserName: "b", PermissionsBoundary: `${AWS}2` },
      /^NoSuchEntityException: Scope ARN/,
    ],
  ])("are refused with %s", async (_what, more, expected) => {
    await iam.createUser(ada);
    expect(await refusal(iam.createUser({ ...ada, ...more }))).toMatch(expected);
  });

  it("have inline policies up to 2048 characters, and managed ones up to ten", async () => {
    await iam.createUser(ada);
    const long = allow(`ecs:${"x".repeat(2048)}`);
    expect(await refusal(iam.putUserPolicy({ ...ada, PolicyName: "p", PolicyDocument: long }))).toBe(
      "LimitExceededException: Maximum policy size of 2048 bytes exceeded for user ada",
    );
    await iam.putUserPolicy({ ...ada, ...inline });
    const got = await iam.getUserPolicy({ ...ada, PolicyName: "own" });
    expect([got.UserName, got.PolicyName, decodeURIComponent(got.PolicyDocument ?? "")]).toEqual([
      "ada",
      "own",
      inline.PolicyDocument,
    ]);
    expect(await refusal(iam.getUserPolicy({ ...ada, PolicyName: "none" }))).toBe(
      "NoSuchEntityException: The user policy with name none cannot be found.",
    );
    for (let i = 0; i < 11; i += 1) {
      const { Policy } = await iam.createPolicy({ PolicyName: `p${i}`, PolicyDocument: allow("ecs:*") });
      const attach = iam.attachUserPolicy({ ...ada, PolicyArn: Policy?.Arn });
      if (i < 10) await attach;
      else
        expect(await refusal(attach)).toBe(
          "LimitExceededException: Cannot exceed quota for PoliciesPerUser: 10",
        );
    }
    expect((await iam.listAttachedUserPolicies(ada)).AttachedPolicies).toHaveLength(10);
  });
});

describe("access keys", () => {
  it("are two at most, told once with their secret, which no row holds in the clear", async () => {
    await iam.createUser(ada);
    const { AccessKey: one } = await iam.createAccessKey(ada);
    expect(one).toMatchObject({ UserName: "ada", Status: "Active", CreateDate: new Date(world.clock.now()) });
    expect(one?.AccessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(one?.SecretAccessKey).toHaveLength(40);
    await world.clock.advance(1000);
    const { AccessKey: two } = await iam.createAccessKey(ada);
    expect(await refusal(iam.createAccessKey(ada))).toBe(
      "LimitExceededException: Cannot exceed quota for AccessKeysPerUser: 2",
    );
    const { AccessKeyMetadata: listed } = await iam.listAccessKeys(ada);
    expect(listed?.map((k) => k.AccessKeyId)).toEqual([one?.AccessKeyId, two?.AccessKeyId]);
    const rows = JSON.stringify([...world.store.scan(accessKeys)]);
    expect(rows).toContain(one?.AccessKeyId);
    expect(rows).not.toContain(one?.SecretAccessKey);
  });

  it("are changed and deleted by who names their user", async () => {
    await iam.createUser(ada);
    await iam.createUser({ UserName: "bob" });
    const { AccessKey } = await iam.createAccessKey(ada);
    const AccessKeyId = AccessKey?.AccessKeyId;
    await iam.updateAccessKey({ ...ada, AccessKeyId, Status: "Inactive" });
    expect((await iam.listAccessKeys(ada)).AccessKeyMetadata?.[0]?.Status).toBe("Inactive");
    const missing = `NoSuchEntityException: The Access Key with id ${AccessKeyId ?? ""} cannot be found.`;
    expect(await refusal(iam.deleteAccessKey({ UserName: "bob", AccessKeyId }))).toBe(missing);
    expect(await refusal(iam.updateAccessKey({ ...ada, AccessKeyId, Status: "Off" as never }))).toMatch(
      /^ValidationError.*status/,
    );
    await iam.deleteAccessKey({ ...ada, AccessKeyId });
    expect(await refusal(iam.getAccessKeyLastUsed({ AccessKeyId }))).toBe(missing);
    expect(await refusal(iam.createAccessKey({}))).toBe(
      "ValidationError: Must specify userName when calling with non-User credentials",
    );
  });
});

describe("groups", () => {
  it("are made, renamed with their members, and deleted when empty", async () => {
    await iam.createUser(ada);
    const { Group } = await iam.createGroup({ ...admins, Path: "/x/" });
    expect(Group).toMatchObject({ Arn: `arn:aws:iam::${account}:group/x/admins` });
    expect(Group?.GroupId).toMatch(/^AGPA/);
    await iam.addUserToGroup({ ...ada, ...admins });
    await iam.addUserToGroup({ ...ada, ...admins });
    await iam.putGroupPolicy({ ...admins, ...inline });
    await iam.updateGroup({ ...admins, NewGroupName: "chiefs" });
    const chiefs = { GroupName: "chiefs" };
    expect((await iam.getGroup(chiefs)).Users?.map((u) => u.UserName)).toEqual(["ada"]);
    expect((await iam.listGroupsForUser(ada)).Groups?.map((g) => g.GroupName)).toEqual(["chiefs"]);
    expect((await iam.listGroups({ PathPrefix: "/x/" })).Groups).toHaveLength(1);
    const conflict = "DeleteConflictException: Cannot delete entity, must";
    expect(await refusal(iam.deleteGroup(chiefs))).toBe(`${conflict} remove users from group first.`);
    await iam.removeUserFromGroup({ ...ada, ...chiefs });
    expect(await refusal(iam.deleteGroup(chiefs))).toBe(`${conflict} delete policies first.`);
    await iam.deleteGroupPolicy({ ...chiefs, PolicyName: "own" });
    await iam.deleteGroup(chiefs);
    expect(await refusal(iam.getGroup(chiefs))).toBe(
      "NoSuchEntityException: The group with name chiefs cannot be found.",
    );
  });

  it("hold a user ten at a time", async () => {
    await iam.createUser(ada);
    for (let i = 0; i < 11; i += 1) {
      await iam.createGroup({ GroupName: `g${i}` });
      const add = iam.addUserToGroup({ ...ada, GroupName: `g${i}` });
      if (i < 10) await add;
      else
        expect(await refusal(add)).toBe("LimitExceededException: Cannot exceed quota for GroupsPerUser: 10");
    }
  });
});

it("everything of the account is told at once, or what is asked for", async () => {
  await iam.createUser(ada);
  await iam.createGroup(admins);
  await iam.addUserToGroup({ ...ada, ...admins });
  await iam.attachGroupPolicy({ ...admins, PolicyArn: AWS });
  await iam.putUserPolicy({ ...ada, ...inline });
  const { Policy } = await iam.createPolicy({ PolicyName: "mine", PolicyDocument: allow("ecs:*") });
  await iam.createRole({
    RoleName: "web",
    AssumeRolePolicyDocument: trust({ Service: "ec2.amazonaws.com" }),
    PermissionsBoundary: Policy?.Arn,
  });
  await iam.putUserPermissionsBoundary({ ...ada, PermissionsBoundary: Policy?.Arn });
  const all = await iam.getAccountAuthorizationDetails({});
  expect(all.UserDetailList).toMatchObject([
    {
      UserName: "ada",
      GroupList: ["admins"],
      UserPolicyList: [
        {
          PolicyName: "own",
          PolicyDocument: encodeURIComponent(inline.PolicyDocument).replace(/\*/g, "%2A"),
        },
      ],
      PermissionsBoundary: { PermissionsBoundaryArn: Policy?.Arn },
    },
  ]);
  expect(all.GroupDetailList).toMatchObject([{ AttachedManagedPolicies: [{ PolicyArn: AWS }] }]);
  expect(all.RoleDetailList).toMatchObject([{ RoleName: "web" }]);
  expect(all.Policies?.map((p) => [p.PolicyName, p.PermissionsBoundaryUsageCount])).toEqual([
    ["AmazonECS_FullAccess", 0],
    ["mine", 2],
  ]);
  const users = await iam.getAccountAuthorizationDetails({ Filter: ["User"] });
  expect([users.UserDetailList?.length, users.RoleDetailList?.length]).toEqual([1, 0]);
  const { SummaryMap } = await iam.getAccountSummary({});
  expect(SummaryMap).toMatchObject({ Users: 1, Groups: 1, Roles: 1, Policies: 1 });

  const of = async (PolicyUsageFilter: "PermissionsBoundary" | "PermissionsPolicy", PolicyArn?: string) => {
    const found = await iam.listEntitiesForPolicy({ PolicyArn, PolicyUsageFilter });
    return [found.PolicyUsers?.length, found.PolicyGroups?.length, found.PolicyRoles?.length];
  };
  expect(await of("PermissionsBoundary", Policy?.Arn)).toEqual([1, 0, 1]);
  expect(await of("PermissionsPolicy", AWS)).toEqual([0, 1, 0]);
  expect(await refusal(iam.deletePolicy({ PolicyArn: Policy?.Arn }))).toMatch(/^DeleteConflict/);
  await iam.deleteRolePermissionsBoundary({ RoleName: "web" });
  await iam.deleteUserPermissionsBoundary(ada);
  await iam.deletePolicy({ PolicyArn: Policy?.Arn });
  expect(await refusal(iam.deleteUserPermissionsBoundary(ada))).toMatch(/^NoSuchEntity/);
});

describe("service-linked roles", () => {
  const linked = { RoleName: "AWSServiceRoleForECS" };
  it("are made once, changed by nobody, and deleted by a task", async () => {
    const make = () => iam.createServiceLinkedRole({ AWSServiceName: "ecs.amazonaws.com" });
    const { Role } = await make();
    expect(Role).toMatchObject({
      ...linked,
      Path: "/aws-service-role/ecs.amazonaws.com/",
      Arn: `arn:aws:iam::${account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS`,
    });
    expect(await refusal(make())).toBe(
      "InvalidInputException: Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
    );
    const unmodifiable =
      "UnmodifiableEntityException: Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by AWS";
    for (const attempt of [
      iam.deleteRole(linked),
      iam.attachRolePolicy({ ...linked, PolicyArn: AWS }),
      iam.putRolePolicy({ ...linked, ...inline }),
      iam.updateAssumeRolePolicy({ ...linked, PolicyDocument: trust({ AWS: account }) }),
      iam.putRolePermissionsBoundary({ ...linked, PermissionsBoundary: AWS }),
    ])
      expect(await refusal(attempt)).toBe(unmodifiable);
    const { DeletionTaskId } = await iam.deleteServiceLinkedRole(linked);
    expect(await iam.getServiceLinkedRoleDeletionStatus({ DeletionTaskId })).toMatchObject({
      Status: "SUCCEEDED",
    });
    expect(await refusal(iam.getRole(linked))).toMatch(/^NoSuchEntity/);
  });

  it.each<[string, object, RegExp]>([
    [
      "a service that has none here",
      { AWSServiceName: "lex.amazonaws.com" },
      /^InvalidInputException: .*not implemented/,
    ],
    [
      "a suffix",
      { AWSServiceName: "ecs.amazonaws.com", CustomSuffix: "x" },
      /^InvalidInputException: Custom suffix/,
    ],
  ])("are refused for %s", async (_what, input, expected) => {
    expect(await refusal(iam.createServiceLinkedRole(input as never))).toMatch(expected);
  });

  it("cannot be imitated by a role of their path", async () => {
    const role = { RoleName: "x", AssumeRolePolicyDocument: trust({ AWS: account }) };
    expect(await refusal(iam.createRole({ ...role, Path: "/aws-service-role/ecs.amazonaws.com/" }))).toMatch(
      /^ValidationError/,
    );
  });
});

describe("whom a role trusts", () => {
  const role = { RoleName: "web" };
  const trusted = async () => {
    const { Role } = await iam.getRole(role);
    return JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")) as {
      Statement: { Principal: unknown }[];
    };
  };

  it("is shown by name, and by id when it is gone, whoever has its name then", async () => {
    const { User } = await iam.createUser(ada);
    const document = trust({ AWS: [User?.Arn, account] });
    await iam.createRole({ ...role, AssumeRolePolicyDocument: document });
    expect((await trusted()).Statement[0]?.Principal).toEqual({ AWS: [User?.Arn, account] });
    await iam.updateUser({ ...ada, NewUserName: "lovelace" });
    const renamed = `arn:aws:iam::${account}:user/lovelace`;
    expect((await trusted()).Statement[0]?.Principal).toEqual({ AWS: [renamed, account] });
    await iam.deleteUser({ UserName: "lovelace" });
    await iam.createUser({ UserName: "lovelace" });
    expect((await trusted()).Statement[0]?.Principal).toEqual({ AWS: [User?.UserId, account] });
  });

  it("is there when it is named", async () => {
    const nobody = `arn:aws:iam::${account}:user/nobody`;
    const message = `MalformedPolicyDocumentException: Invalid principal in policy: "AWS":"${nobody}"`;
    const AssumeRolePolicyDocument = trust({ AWS: nobody });
    expect(await refusal(iam.createRole({ ...role, AssumeRolePolicyDocument }))).toBe(message);
    await iam.createRole({ ...role, AssumeRolePolicyDocument: trust({ AWS: account }) });
    expect(
      await refusal(iam.updateAssumeRolePolicy({ ...role, PolicyDocument: AssumeRolePolicyDocument })),
    ).toBe(message);
    // What is another account's is not for us to know.
    const other = trust({ AWS: "arn:aws:iam::999999999999:user/somebody" });
    await iam.updateAssumeRolePolicy({ ...role, PolicyDocument: other });
    expect((await trusted()).Statement).toEqual((JSON.parse(other) as { Statement: object[] }).Statement);
  });
});
