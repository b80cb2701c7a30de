import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IAM } from "@aws-sdk/client-iam";
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
let iam: IAM;
const clock = new TestClock();
const sealer = createSealer({ key: new Uint8Array(32), purpose: "test", random: seededRandom(9) });
beforeEach(async () => {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(tables),
  });
  gateway = await startGateway({
    services: [createIamService({ store, clock, random: seededRandom(7), account, sealer })],
  });
  iam = new IAM(clientOptions(gateway));
});
afterEach(async () => {
  iam.destroy();
  await gateway.close();
});

const document = (Action: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] });
const ARN = `arn:aws:iam::${account}:policy/team/look`;
const AWS = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role";
const named = { PolicyArn: ARN };
const create = (more: object = {}) =>
  iam.createPolicy({
    PolicyName: "look",
    Path: "/team/",
    PolicyDocument: document("ecs:Describe*"),
    ...more,
  });
const addVersion = (SetAsDefault = false) =>
  iam.createPolicyVersion({ ...named, PolicyDocument: document("ecs:List*"), SetAsDefault });

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error("The call was not refused.");
}

describe("managed policies", () => {
  it("are made, shown, tagged and deleted", async () => {
    const { Policy } = await create({ Description: "Looks.", Tags: [{ Key: "a", Value: "1" }] });
    expect(Policy).toMatchObject({
      PolicyName: "look",
      Arn: ARN,
      Path: "/team/",
      DefaultVersionId: "v1",
      AttachmentCount: 0,
      IsAttachable: true,
      CreateDate: new Date(clock.now()),
      Description: "Looks.",
      Tags: [{ Key: "a", Value: "1" }],
    });
    expect(Policy?.PolicyId).toMatch(/^ANPA[0-9A-Z]{17}$/);
    expect((await iam.getPolicy(named)).Policy).toEqual(Policy);
    await iam.tagPolicy({ ...named, Tags: [{ Key: "b", Value: "2" }] });
    await iam.untagPolicy({ ...named, TagKeys: ["a"] });
    expect((await iam.listPolicyTags(named)).Tags).toEqual([{ Key: "b", Value: "2" }]);
    await iam.deletePolicy(named);
    expect(await refusal(iam.getPolicy(named))).toBe(`NoSuchEntityException: Policy ${ARN} was not found.`);
  });

  it("have up to five versions, one of which holds", async () => {
    await create();
    for (const asDefault of [false, true, false, false]) await addVersion(asDefault);
    expect(await refusal(addVersion())).toMatch(
      /^LimitExceededException: A managed policy can have up to 5 versions\./,
    );
    const versions = async () => {
      const { Versions } = await iam.listPolicyVersions(named);
      return Versions?.map((v) => `${v.VersionId}${v.IsDefaultVersion === true ? "*" : ""}`);
    };
    expect(await versions()).toEqual(["v5", "v4", "v3*", "v2", "v1"]);
    const { PolicyVersion } = await iam.getPolicyVersion({ ...named, VersionId: "v1" });
    expect(decodeURIComponent(PolicyVersion?.Document ?? "")).toBe(document("ecs:Describe*"));
    expect(await refusal(iam.deletePolicyVersion({ ...named, VersionId: "v3" }))).toBe(
      "DeleteConflictException: Cannot delete the default version of a policy.",
    );
    await iam.setDefaultPolicyVersion({ ...named, VersionId: "v2" });
    await iam.deletePolicyVersion({ ...named, VersionId: "v3" });
    await addVersion();
    expect(await versions()).toEqual(["v6", "v5", "v4", "v2*", "v1"]);
    expect((await iam.getPolicy(named)).Policy?.DefaultVersionId).toBe("v2");
    expect(await refusal(iam.getPolicyVersion({ ...named, VersionId: "v3" }))).toMatch(/^NoSuchEntity/);
    expect(await refusal(iam.deletePolicy(named))).toMatch(/^DeleteConflict.*has more than one version\./);
  });

  it("are attached to roles, counted, and not deleted meanwhile", async () => {
    await create();
    const trust = {
      Version: "2012-10-17",
      Statement: { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" },
    };
    await iam.createRole({ RoleName: "web", AssumeRolePolicyDocument: JSON.stringify(trust) });
    await iam.attachRolePolicy({ RoleName: "web", ...named });
    expect((await iam.getPolicy(named)).Policy?.AttachmentCount).toBe(1);
    const { PolicyRoles } = await iam.listEntitiesForPolicy(named);
    expect(PolicyRoles).toMatchObject([
      { RoleName: "web", RoleId: expect.stringMatching(/^AROA/) as string },
    ]);
    expect((await iam.listEntitiesForPolicy({ ...named, EntityFilter: "User" })).PolicyRoles).toEqual([]);
    const { AttachedPolicies } = await iam.listAttachedRolePolicies({ RoleName: "web" });
    expect(AttachedPolicies).toEqual([{ PolicyName: "look", PolicyArn: ARN }]);
    const { Policies } = await iam.listPolicies({ OnlyAttached: true });
    expect(Policies?.map((p) => p.Arn)).toEqual([ARN]);
    expect(await refusal(iam.deletePolicy(named))).toBe(
      "DeleteConflictException: Cannot delete a policy attached to entities.",
    );
    await iam.detachRolePolicy({ RoleName: "web", ...named });
    await iam.deletePolicy(named);
  });

  it("are listed with AWS's, or apart", async () => {
    await create();
    const list = async (input: Parameters<typeof iam.listPolicies>[0]) =>
      (await iam.listPolicies(input)).Policies?.map((p) => p.PolicyName) ?? [];
    expect(await list({ Scope: "Local" })).toEqual(["look"]);
    expect(await list({ Scope: "AWS" })).toContain("AmazonECSTaskExecutionRolePolicy");
    expect(await list({ PathPrefix: "/team/" })).toEqual(["look"]);
    const first = await iam.listPolicies({ MaxItems: 3 });
    expect([first.IsTruncated, first.Policies?.length]).toEqual([true, 3]);
    const rest = await iam.listPolicies({ Marker: first.Marker, MaxItems: 1000 });
    expect(rest.Policies?.map((p) => p.Arn)).not.toContain(first.Policies?.[0]?.Arn);
  });

  it("of AWS are read and never changed", async () => {
    const { Policy } = await iam.getPolicy({ PolicyArn: AWS });
    expect(Policy).toMatchObject({ Path: "/service-role/", DefaultVersionId: "v10" });
    const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn: AWS, VersionId: "v10" });
    expect(decodeURIComponent(PolicyVersion?.Document ?? "")).toContain("ecs:RegisterContainerInstance");
    expect(await refusal(iam.deletePolicy({ PolicyArn: AWS }))).toMatch(
      /^ValidationError: Policy .* is managed by AWS/,
    );
  });

  it.each<[string, object, RegExp]>([
    [
      "a name that is taken, in another case",
      { PolicyName: "LOOK" },
      /^EntityAlreadyExistsException: A policy called LOOK already exists\.$/,
    ],
    [
      "a document that is none",
      { PolicyName: "b", PolicyDocument: "{" },
      /^MalformedPolicyDocumentException/,
    ],
    ["a name with a space", { PolicyName: "a b" }, /^ValidationError/],
    [
      "a document of 6145 characters",
      { PolicyName: "b", PolicyDocument: document(`ecs:${"x".repeat(6144)}`) },
      /^LimitExceededException: Cannot exceed quota for PolicySize: 6144$/,
    ],
  ])("are refused with %s", async (_what, more, expected) => {
    await create();
    expect(await refusal(create(more))).toMatch(expected);
  });
});
