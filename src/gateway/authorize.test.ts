import { describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { parsePolicy } from "#iam/parse.ts";
import { createAuthorizer } from "./authorize.ts";
import type { Permission, Principal } from "./service-definition.ts";

const roleArn = "arn:aws:iam::1:role/r";
const common = { arn: "arn:aws:sts::1:assumed-role/r/x", account: "1", id: "AROA:x" };
const principals = {
  root: { ...common, type: "root" },
  user: { ...common, type: "user", userName: "u" },
  instance: { ...common, type: "instance", roleArn, instanceId: "i-1" },
  task: { ...common, type: "task", roleArn, taskArn: "t" },
} satisfies Record<string, Principal>;

const clock = new TestClock();

function ask(
  who: keyof typeof principals,
  action: string,
  {
    statements = [],
    permissions = [{ resource: "*" }],
  }: { statements?: object[]; permissions?: Permission[] } = {},
) {
  const Statement = [{ Effect: "Allow", Action: "test:Nothing", Resource: "*" }, ...statements];
  const policy = parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }), "identity");
  const policiesOf = (arn: string) => ({ policies: arn === roleArn ? [policy] : [], tags: { team: "blue" } });
  return createAuthorizer({ clock, policiesOf }).authorize({
    principal: principals[who],
    action,
    permissions: () => permissions,
    region: "eu-west-1",
    sourceIp: "10.64.0.9",
    userAgent: "test",
  });
}
const allow = (Action: string, Resource: string | string[] = "*", Condition?: object) => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});

describe("the authorizer", () => {
  it("lets root do everything, and does not even ask what it would need", () => {
    const permissions = () => {
      throw new Error("asked");
    };
    const { root: principal } = principals;
    const authorizer = createAuthorizer({ clock, policiesOf: permissions });
    const rest = { region: "", sourceIp: "", userAgent: "" };
    expect(
      authorizer.authorize({ principal, action: "ecs:DeleteCluster", permissions, ...rest }),
    ).toBeUndefined();
  });

  it.each(["user", "instance", "task"] as const)(
    "lets a %s without policies ask who it is, and no more",
    (who) => {
      expect(ask(who, "sts:GetCallerIdentity")).toBeUndefined();
      expect(ask(who, "ecs:ListClusters")).toEqual({
        action: "ecs:ListClusters",
        resource: "*",
        reason: "because no identity-based policy allows the ecs:ListClusters action",
      });
    },
  );

  it("lets who it is be asked whatever a policy denies, as AWS does", () => {
    const statements = [{ Effect: "Deny", Action: "*", Resource: "*" }];
    expect(ask("task", "sts:GetCallerIdentity", { statements })).toBeUndefined();
    expect(ask("task", "ecs:ListClusters", { statements })?.reason).toBe(
      "with an explicit deny in an identity-based policy",
    );
  });

  it("judges every resource of a call and names the one that is refused", () => {
    const statements = [allow("ecs:DescribeTasks", "arn:aws:ecs:eu-west-1:1:task/web/*")];
    const permissions = ["web/1", "db/2"].map((id) => ({ resource: `arn:aws:ecs:eu-west-1:1:task/${id}` }));
    expect(
      ask("task", "ecs:DescribeTasks", { statements, permissions: permissions.slice(0, 1) }),
    ).toBeUndefined();
    expect(ask("task", "ecs:DescribeTasks", { statements, permissions })?.resource).toBe(
      "arn:aws:ecs:eu-west-1:1:task/db/2",
    );
  });

  it("asks for other actions that a call needs by their own names", () => {
    const passed = "arn:aws:iam::1:role/other";
    const permissions = [
      { resource: "arn:aws:ecs:eu-west-1:1:task-definition/web:1" },
      {
        action: "iam:PassRole",
        resource: passed,
        context: { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
      },
    ];
    const run = allow("ecs:RunTask");
    expect(ask("task", "ecs:RunTask", { statements: [run], permissions })).toEqual({
      action: "iam:PassRole",
      resource: passed,
      reason: "because no identity-based policy allows the iam:PassRole action",
    });
    const pass = (service: string) =>
      allow("iam:PassRole", passed, { StringEquals: { "iam:PassedToService": service } });
    const judged = (service: string) =>
      ask("task", "ecs:RunTask", { statements: [run, pass(service)], permissions });
    expect(judged("ecs-tasks.amazonaws.com")).toBeUndefined();
    expect(judged("ec2.amazonaws.com")?.action).toBe("iam:PassRole");
  });

  it.each<[string, object]>([
    ["the address", { IpAddress: { "aws:SourceIp": "10.64.0.0/16" } }],
    ["the region", { StringEquals: { "aws:RequestedRegion": "eu-west-1" } }],
    ["the role, not the session", { ArnEquals: { "aws:PrincipalArn": roleArn } }],
    ["the role's tags", { StringEquals: { "aws:PrincipalTag/team": "blue" } }],
    [
      "the account and the kind",
      { StringEquals: { "aws:PrincipalAccount": "1", "aws:PrincipalType": "AssumedRole" } },
    ],
    ["the time", { DateLessThan: { "aws:CurrentTime": new Date(clock.now() + 1000).toISOString() } }],
    ["that the connection is plain", { Bool: { "aws:SecureTransport": false } }],
    ["that there is no user name", { Null: { "aws:username": true } }],
  ])("tells conditions %s", (_what, condition) => {
    expect(ask("instance", "ecs:Poll", { statements: [allow("ecs:Poll", "*", condition)] })).toBeUndefined();
  });
});
