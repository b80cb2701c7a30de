import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  type CreateRoleCommandInput,
  DeleteInstanceProfileCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesCommand,
  ListInstanceProfilesForRoleCommand,
  ListInstanceProfileTagsCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  TagInstanceProfileCommand,
  TagRoleCommand,
  UntagInstanceProfileCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
} from "@aws-sdk/client-iam";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { account, clientOptions, startGateway, type TestGateway } from "#gateway/gateway.suite.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import * as tables from "#store/tables/iam.ts";
import { createSealer } from "#gateway/credentials/sealer.ts";
import { createIamService } from "./service.ts";

let gateway: TestGateway;
let iam: IAMClient;
const clock = new TestClock();
const sealer = createSealer({ key: new Uint8Array(32), purpose: "test", random: seededRandom(9) });
beforeEach(async () => {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(tables),
  });
  const service = createIamService({ store, clock, random: seededRandom(5), account, sealer });
  gateway = await startGateway({ services: [service] });
  iam = new IAMClient(clientOptions(gateway));
});
afterEach(async () => {
  iam.destroy();
  await gateway.close();
});

const statement = { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" };
const policy = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const TRUST = policy(statement);
const PERMISSIONS = policy({ Effect: "Allow", Action: "s3:GetObject", Resource: "*" });
const AWS_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role";

const createRole = (RoleName = "web", more: Partial<CreateRoleCommandInput> = {}) =>
  iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: TRUST, ...more }));
const createProfile = (InstanceProfileName = "web", Path?: string) =>
  iam.send(
    new CreateInstanceProfileCommand({ InstanceProfileName, ...(Path === undefined ? {} : { Path }) }),
  );
const attach = (PolicyArn = AWS_POLICY) =>
  iam.send(new AttachRolePolicyCommand({ RoleName: "web", PolicyArn }));
const createPolicy = async (PolicyName: string, PolicyDocument = PERMISSIONS) => {
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument }));
  return Policy?.Arn ?? "";
};
const putPolicy = (PolicyName: string, PolicyDocument = PERMISSIONS) =>
  iam.send(new PutRolePolicyCommand({ RoleName: "web", PolicyName, PolicyDocument }));
const join = { InstanceProfileName: "web", RoleName: "web" };

/** `Code: message` of what a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error("The call was not refused.");
}

describe("roles", () => {
  it("are created with path, description, duration and tags, and answered with an encoded trust policy", async () => {
    const { Role } = await createRole("web", {
      Path: "/service/",
      Description: "Serves.",
      MaxSessionDuration: 7200,
      Tags: [{ Key: "team", Value: "blue" }],
    });
    expect(Role).toMatchObject({
      RoleName: "web",
      Path: "/service/",
      Arn: `arn:aws:iam::${account}:role/service/web`,
      Description: "Serves.",
      MaxSessionDuration: 7200,
      CreateDate: new Date(clock.now()),
      Tags: [{ Key: "team", Value: "blue" }],
    });
    expect(Role?.RoleId).toMatch(/^AROA[0-9A-Z]{17}$/);
    const { Role: again } = await iam.send(new GetRoleCommand({ RoleName: "web" }));
    expect(again).toEqual(Role);
    expect(again?.AssumeRolePolicyDocument).toMatch(/^%7B%22Version%22%3A%222012-10-17%22/);
    expect(decodeURIComponent(again?.AssumeRolePolicyDocument ?? "")).toBe(TRUST);
  });

  it("are the same from every region", async () => {
    await createRole();
    const elsewhere = new IAMClient({ ...clientOptions(gateway), region: "ap-south-1" });
    expect((await elsewhere.send(new GetRoleCommand({ RoleName: "web" }))).Role?.RoleName).toBe("web");
    elsewhere.destroy();
  });

  it("are listed by path, in pages", async () => {
    for (const name of ["c", "a", "b"]) await createRole(name, { Path: name === "c" ? "/x/" : "/" });
    const first = await iam.send(new ListRolesCommand({ MaxItems: 2 }));
    expect([first.IsTruncated, first.Roles?.map((r) => r.RoleName)]).toEqual([true, ["a", "b"]]);
    const second = await iam.send(new ListRolesCommand({ MaxItems: 2, Marker: first.Marker }));
    expect([second.IsTruncated, second.Roles?.map((r) => r.RoleName)]).toEqual([false, ["c"]]);
    const inPath = await iam.send(new ListRolesCommand({ PathPrefix: "/x/" }));
    expect(inPath.Roles?.map((r) => r.RoleName)).toEqual(["c"]);
    expect(await refusal(iam.send(new ListRolesCommand({ Marker: "x" })))).toMatch(/^ValidationError/);
  });

  it("change description, duration and trust policy", async () => {
    await createRole();
    await iam.send(new UpdateRoleCommand({ RoleName: "web", Description: "new", MaxSessionDuration: 3601 }));
    const other = policy({ ...statement, Principal: { Service: "ecs-tasks.amazonaws.com" } });
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: "web", PolicyDocument: other }));
    const { Role } = await iam.send(
      new UpdateRoleDescriptionCommand({ RoleName: "web", Description: "newer" }),
    );
    expect(Role).toMatchObject({ Description: "newer", MaxSessionDuration: 3601 });
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")).toBe(other);
  });

  it("are deleted when nothing hangs on them any more", async () => {
    const remove = () => iam.send(new DeleteRoleCommand({ RoleName: "web" }));
    await createRole();
    await createProfile();
    await iam.send(new AddRoleToInstanceProfileCommand(join));
    await attach();
    await putPolicy("inline");
    const conflict = "DeleteConflictException: Cannot delete entity, must";
    expect(await refusal(remove())).toBe(`${conflict} remove roles from instance profile first.`);
    await iam.send(new RemoveRoleFromInstanceProfileCommand(join));
    expect(await refusal(remove())).toBe(`${conflict} detach all policies first.`);
    await iam.send(new DetachRolePolicyCommand({ RoleName: "web", PolicyArn: AWS_POLICY }));
    expect(await refusal(remove())).toBe(`${conflict} delete policies first.`);
    await iam.send(new DeleteRolePolicyCommand({ RoleName: "web", PolicyName: "inline" }));
    await remove();
    expect(await refusal(remove())).toBe("NoSuchEntityException: The role with name web cannot be found.");
  });

  it("have names that are unique whatever their case", async () => {
    await createRole("Web");
    expect(await refusal(createRole("web"))).toBe(
      "EntityAlreadyExistsException: Role with name web already exists.",
    );
  });

  const refusals: [string, Partial<CreateRoleCommandInput>, RegExp][] = [
    ["a name with a space", { RoleName: "a b" }, /^ValidationError/],
    ["a name of 65 characters", { RoleName: "a".repeat(65) }, /^ValidationError.*less than or equal to 64/],
    ["a path without slash", { Path: "x" }, /^ValidationError.*path/],
    ["a duration of an hour less a second", { MaxSessionDuration: 3599 }, /^ValidationError.*3600/],
    [
      "a permissions boundary that is not there",
      { PermissionsBoundary: "arn:aws:iam::aws:policy/Nothing" },
      /^NoSuchEntityException: Scope ARN: arn:aws:iam::aws:policy\/Nothing does not exist or is not attachable/,
    ],
    [
      "a repeated tag",
      {
        Tags: [
          { Key: "a", Value: "" },
          { Key: "a", Value: "" },
        ],
      },
      /^ValidationError.*Duplicate/,
    ],
    [
      "a trust policy that is no JSON",
      { AssumeRolePolicyDocument: "{" },
      /^MalformedPolicyDocumentException: This policy contains invalid Json$/,
    ],
    [
      "one without statement",
      { AssumeRolePolicyDocument: policy() },
      /^MalformedPolicyDocumentException: Syntax errors in policy\.$/,
    ],
    [
      "one of another version",
      { AssumeRolePolicyDocument: TRUST.replace("2012", "2013") },
      /^MalformedPolicyDocumentException/,
    ],
    [
      "one with a resource",
      { AssumeRolePolicyDocument: policy({ ...statement, Resource: "*" }) },
      /Has prohibited field Resource$/,
    ],
    [
      "one without principal",
      { AssumeRolePolicyDocument: policy({ Effect: "Allow", Action: "sts:AssumeRole" }) },
      /Missing required field Principal$/,
    ],
    [
      "one with an unknown kind of principal",
      { AssumeRolePolicyDocument: policy({ ...statement, Principal: { Nobody: "x" } }) },
      /Invalid principal in policy: "Nobody":"x"$/,
    ],
    [
      "one for another service's action",
      { AssumeRolePolicyDocument: policy({ ...statement, Action: "s3:GetObject" }) },
      /may only specify STS AssumeRole actions\.$/,
    ],
    [
      "one without action",
      { AssumeRolePolicyDocument: policy({ ...statement, Action: undefined }) },
      /Policy statement must contain actions\.$/,
    ],
    [
      "one that allows nothing",
      { AssumeRolePolicyDocument: policy({ ...statement, Effect: "Maybe" }) },
      /Syntax errors/,
    ],
    [
      "one that is too long",
      { AssumeRolePolicyDocument: policy({ ...statement, Sid: "x".repeat(2048) }) },
      /^LimitExceededException: Cannot exceed quota for ACLSizePerRole: 2048$/,
    ],
  ];
  it.each(refusals)("are refused with %s", async (_what, input, expected) => {
    expect(await refusal(createRole(input.RoleName ?? "web", input))).toMatch(expected);
    expect((await iam.send(new ListRolesCommand({}))).Roles).toEqual([]);
  });

  it("have tags", async () => {
    await createRole();
    const tagsOf = async () => (await iam.send(new ListRoleTagsCommand({ RoleName: "web" }))).Tags;
    const Tags = [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ];
    await iam.send(new TagRoleCommand({ RoleName: "web", Tags }));
    await iam.send(new UntagRoleCommand({ RoleName: "web", TagKeys: ["a"] }));
    expect(await tagsOf()).toEqual([{ Key: "b", Value: "2" }]);
    const many = Array.from({ length: 50 }, (_, n) => ({ Key: `k${n}`, Value: "" }));
    expect(await refusal(iam.send(new TagRoleCommand({ RoleName: "web", Tags: many })))).toMatch(
      /^LimitExceeded/,
    );
    expect(await tagsOf()).toHaveLength(1);
  });
});

describe("policies of a role", () => {
  beforeEach(() => createRole());

  it("of AWS are attached and detached, twice without harm", async () => {
    const attached = async () => {
      const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "web" }));
      return AttachedPolicies?.map((p) => [p.PolicyName, p.PolicyArn]);
    };
    await attach();
    await attach();
    expect(await attached()).toEqual([["AmazonEC2ContainerServiceforEC2Role", AWS_POLICY]]);
    const detach = () => iam.send(new DetachRolePolicyCommand({ RoleName: "web", PolicyArn: AWS_POLICY }));
    await detach();
    expect(await attached()).toEqual([]);
    expect(await refusal(detach())).toBe(`NoSuchEntityException: Policy ${AWS_POLICY} was not found.`);
  });

  it("that do not exist cannot be attached, and no more than ten can", async () => {
    const own = `arn:aws:iam::${account}:policy/mine`;
    expect(await refusal(attach(own))).toBe(
      `NoSuchEntityException: Policy ${own} does not exist or is not attachable.`,
    );
    expect(await refusal(attach("not an ARN at all, but long"))).toMatch(/^ValidationError/);
    const unknown = "arn:aws:iam::aws:policy/AmazonLumberyardFullAccess";
    expect(await refusal(attach(unknown))).toBe(
      `NoSuchEntityException: Policy ${unknown} does not exist or is not attachable.`,
    );
    for (let n = 0; n < 10; n += 1) await attach(await createPolicy(`p${n}`));
    expect(await refusal(attach())).toBe(
      "LimitExceededException: Cannot exceed quota for PoliciesPerRole: 10",
    );
  });

  it("are kept inline, overwritten, read encoded and deleted", async () => {
    await putPolicy("b");
    await putPolicy("a", policy({ Effect: "Deny", NotAction: ["s3:*"], Resource: ["*"] }));
    await putPolicy("a");
    const get = () => iam.send(new GetRolePolicyCommand({ RoleName: "web", PolicyName: "a" }));
    const { PolicyDocument } = await get();
    expect(PolicyDocument).not.toContain("*");
    expect(decodeURIComponent(PolicyDocument ?? "")).toBe(PERMISSIONS);
    const { PolicyNames } = await iam.send(new ListRolePoliciesCommand({ RoleName: "web" }));
    expect(PolicyNames).toEqual(["a", "b"]);
    await iam.send(new DeleteRolePolicyCommand({ RoleName: "web", PolicyName: "a" }));
    expect(await refusal(get())).toBe("NoSuchEntityException: The role policy with name a cannot be found.");
  });

  it.each([
    ["a principal", policy({ ...statement, Resource: "*" }), /should not specify a principal/],
    ["no resource", policy({ Effect: "Allow", Action: "s3:GetObject" }), /must contain resources/],
    ["an unknown member", policy({ Effect: "Allow", Action: "*", Resource: "*", Extra: 1 }), /Syntax errors/],
    [
      "too much text",
      policy({ Effect: "Allow", Action: `s3:${"x".repeat(10_240)}`, Resource: "*" }),
      /^LimitExceededException: Maximum policy size of 10240 bytes exceeded for role web$/,
    ],
  ])("are refused with %s", async (_what, document, expected) => {
    expect(await refusal(putPolicy("p", document))).toMatch(expected);
  });
});

describe("instance profiles", () => {
  it("hold one role, are listed by path and by role, and go when they are empty", async () => {
    await createRole();
    const { InstanceProfile } = await createProfile("web", "/x/");
    expect(InstanceProfile).toMatchObject({
      InstanceProfileName: "web",
      Arn: `arn:aws:iam::${account}:instance-profile/x/web`,
      Roles: [],
    });
    await createProfile("other");
    const add = () => iam.send(new AddRoleToInstanceProfileCommand(join));
    await add();
    expect(await refusal(add())).toBe(
      "LimitExceededException: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    );
    const get = () => iam.send(new GetInstanceProfileCommand({ InstanceProfileName: "web" }));
    expect((await get()).InstanceProfile?.Roles?.map((r) => r.RoleName)).toEqual(["web"]);
    const names = (profiles: { InstanceProfileName?: string | undefined }[] | undefined) =>
      profiles?.map((p) => p.InstanceProfileName);
    const ofRole = await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName: "web" }));
    expect(names(ofRole.InstanceProfiles)).toEqual(["web"]);
    const inPath = await iam.send(new ListInstanceProfilesCommand({ PathPrefix: "/x/" }));
    expect(names(inPath.InstanceProfiles)).toEqual(["web"]);
    const remove = () => iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName: "web" }));
    expect(await refusal(remove())).toMatch(
      /^DeleteConflict.*must remove roles from instance profile first\.$/,
    );
    const leave = () => iam.send(new RemoveRoleFromInstanceProfileCommand(join));
    await leave();
    expect(await refusal(leave())).toMatch(/^NoSuchEntity/);
    await remove();
    expect(await refusal(get())).toBe("NoSuchEntityException: Instance Profile web cannot be found.");
  });

  it("exist once, and take no role that does not exist", async () => {
    await createProfile();
    expect(await refusal(createProfile("WEB"))).toBe(
      "EntityAlreadyExistsException: Instance Profile WEB already exists.",
    );
    expect(await refusal(iam.send(new AddRoleToInstanceProfileCommand(join)))).toBe(
      "NoSuchEntityException: The role with name web cannot be found.",
    );
  });

  it("have tags", async () => {
    await createProfile();
    const InstanceProfileName = "web";
    const Tags = [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ];
    await iam.send(new TagInstanceProfileCommand({ InstanceProfileName, Tags }));
    await iam.send(new UntagInstanceProfileCommand({ InstanceProfileName, TagKeys: ["b"] }));
    const listed = await iam.send(new ListInstanceProfileTagsCommand({ InstanceProfileName }));
    expect(listed.Tags).toEqual([{ Key: "a", Value: "1" }]);
  });
});
