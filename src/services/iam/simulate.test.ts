import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { IAM, SimulateCustomPolicyCommandInput } from "@aws-sdk/client-iam";
import { account } from "#gateway/gateway.suite.ts";
import { allow, type IamWorld, policy, refusal, startIam, trust } from "./fixture.suite.ts";

let world: IamWorld;
let iam: IAM;
beforeEach(async () => {
  world = await startIam();
  ({ iam } = world);
});
afterEach(() => world.close());

const deny = policy({ Effect: "Deny", Action: "ecs:DeleteCluster", Resource: "*" });

async function custom(more: Partial<SimulateCustomPolicyCommandInput>) {
  const { EvaluationResults } = await iam.simulateCustomPolicy({
    PolicyInputList: [allow("ecs:*"), deny],
    ActionNames: ["ecs:RunTask"],
    ...more,
  });
  return EvaluationResults ?? [];
}

describe("a custom policy", () => {
  it("is judged for each action and resource, and tells which text said it", async () => {
    const results = await custom({
      ActionNames: ["ecs:RunTask", "ecs:DeleteCluster", "ec2:RunInstances"],
    });
    expect(
      results.map((r) => [
        r.EvalActionName,
        r.EvalDecision,
        r.MatchedStatements?.map((s) => s.SourcePolicyId),
      ]),
    ).toEqual([
      ["ecs:RunTask", "allowed", ["PolicyInputList.1"]],
      ["ecs:DeleteCluster", "explicitDeny", ["PolicyInputList.2"]],
      ["ec2:RunInstances", "implicitDeny", []],
    ]);
    const ResourceArns = ["arn:aws:ecs:eu-west-1:1:cluster/a", "arn:aws:ecs:eu-west-1:1:cluster/b"];
    const only = await custom({
      PolicyInputList: [allow("ecs:*", ResourceArns[0])],
      ResourceArns,
    });
    expect(only.map((r) => [r.EvalResourceName, r.EvalDecision])).toEqual([
      [ResourceArns[0], "allowed"],
      [ResourceArns[1], "implicitDeny"],
    ]);
  });

  it("asks for context, and tells what is missing", async () => {
    const when = { Condition: { StringEquals: { "aws:PrincipalTag/team": "blue" } } };
    const PolicyInputList = [allow("ecs:RunTask", "arn:aws:ecs:*:*:task-definition/${aws:username}:*", when)];
    expect((await iam.getContextKeysForCustomPolicy({ PolicyInputList })).ContextKeyNames).toEqual([
      "aws:PrincipalTag/team",
      "aws:username",
    ]);
    const ResourceArns = ["arn:aws:ecs:eu-west-1:1:task-definition/ada:1"];
    const [without] = await custom({ PolicyInputList, ResourceArns });
    expect(without).toMatchObject({
      EvalDecision: "implicitDeny",
      MissingContextValues: ["aws:PrincipalTag/team", "aws:username"],
    });
    const ContextEntries = [
      {
        ContextKeyName: "aws:principaltag/team",
        ContextKeyValues: ["blue"],
        ContextKeyType: "string" as const,
      },
      { ContextKeyName: "aws:username", ContextKeyValues: ["ada"], ContextKeyType: "string" as const },
    ];
    expect((await custom({ PolicyInputList, ResourceArns, ContextEntries }))[0]).toMatchObject({
      EvalDecision: "allowed",
      MissingContextValues: [],
    });
  });

  it("is held within a boundary that is given", async () => {
    const [result] = await custom({ PermissionsBoundaryPolicyInputList: [allow("ec2:*")] });
    expect(result).toMatchObject({
      EvalDecision: "implicitDeny",
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
    });
  });

  it("comes in pages", async () => {
    const ActionNames = ["ecs:RunTask", "ecs:StopTask", "ecs:StartTask"];
    const input = { PolicyInputList: [allow("ecs:*")], ActionNames };
    const first = await iam.simulateCustomPolicy({ ...input, MaxItems: 2 });
    const rest = await iam.simulateCustomPolicy({ ...input, MaxItems: 2, Marker: first.Marker });
    expect([first, rest].flatMap((r) => r.EvaluationResults?.map((e) => e.EvalActionName))).toEqual(
      ActionNames,
    );
  });

  it.each<[string, Partial<SimulateCustomPolicyCommandInput>, RegExp]>([
    ["what is no action", { ActionNames: ["ecs:*"] }, /^InvalidInputException: Invalid Action/],
    ["what is no policy", { PolicyInputList: ["{"] }, /^MalformedPolicyDocument/],
    [
      "a caller that is no user",
      { CallerArn: `arn:aws:iam::${account}:user/x` },
      /^InvalidInputException: Invalid CallerArn/,
    ],
    [
      "another owner",
      { ResourceOwner: `arn:aws:iam::${account}:root` },
      /^InvalidInputException: ResourceOwner is not implemented/,
    ],
  ])("is refused with %s", async (_what, more, expected) => {
    expect(await refusal(custom(more))).toMatch(expected);
  });
});

describe("a principal", () => {
  it("is judged by its own policies, its groups' and its boundary, with others added", async () => {
    const ada = { UserName: "ada" };
    const { User } = await iam.createUser(ada);
    await iam.putUserPolicy({ ...ada, PolicyName: "own", PolicyDocument: allow("ecs:RunTask") });
    await iam.createGroup({ GroupName: "g" });
    await iam.attachGroupPolicy({ GroupName: "g", PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" });
    await iam.addUserToGroup({ ...ada, GroupName: "g" });
    const judged = async (ActionNames: string[], PolicyInputList?: string[]) => {
      const { EvaluationResults } = await iam.simulatePrincipalPolicy({
        PolicySourceArn: User?.Arn,
        ActionNames,
        ...(PolicyInputList === undefined ? {} : { PolicyInputList }),
      });
      return EvaluationResults?.map((r) => [
        r.EvalDecision,
        r.MatchedStatements?.map((s) => s.SourcePolicyId).sort(),
      ]);
    };
    expect(await judged(["ecs:RunTask", "ecs:DeleteCluster"])).toEqual([
      ["allowed", ["AdministratorAccess", "user_ada_own"]],
      ["allowed", ["AdministratorAccess"]],
    ]);
    expect(await judged(["ecs:DeleteCluster"], [deny])).toEqual([["explicitDeny", ["PolicyInputList.1"]]]);
    const { Policy } = await iam.createPolicy({ PolicyName: "b", PolicyDocument: allow("ecs:RunTask") });
    await iam.putUserPermissionsBoundary({ ...ada, PermissionsBoundary: Policy?.Arn });
    expect((await judged(["ecs:RunTask", "ecs:DeleteCluster"]))?.map(([decision]) => decision)).toEqual([
      "allowed",
      "implicitDeny",
    ]);
  });

  it("may be a group or a role, and is refused when it is not there", async () => {
    const { Role } = await iam.createRole({
      RoleName: "web",
      AssumeRolePolicyDocument: trust({ AWS: account }),
    });
    await iam.putRolePolicy({
      RoleName: "web",
      PolicyName: "own",
      PolicyDocument: allow("ecs:RunTask", "*", { Condition: { Bool: { "aws:SecureTransport": "true" } } }),
    });
    const keys = await iam.getContextKeysForPrincipalPolicy({ PolicySourceArn: Role?.Arn });
    expect(keys.ContextKeyNames).toEqual(["aws:SecureTransport"]);
    const { Group } = await iam.createGroup({ GroupName: "g" });
    const simulate = (PolicySourceArn?: string) =>
      iam.simulatePrincipalPolicy({ PolicySourceArn, ActionNames: ["ecs:RunTask"] });
    for (const arn of [Role?.Arn, Group?.Arn])
      expect((await simulate(arn)).EvaluationResults?.[0]?.EvalDecision).toBe("implicitDeny");
    expect(await refusal(simulate(`${Role?.Arn ?? ""}2`))).toMatch(/^NoSuchEntity/);
  });
});
