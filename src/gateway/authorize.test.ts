import { describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { parsePolicy } from "#iam/parse.ts";
import { createAuthorizer } from "./authorize.ts";
import type { Permission, Principal, ResourcePolicy } from "./service-definition.ts";

const roleArn = "arn:aws:iam::111111111111:role/r";
const common = { arn: "arn:aws:sts::1:assumed-role/r/x", account: "111111111111", id: "AROA:x" };
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
    resourcePolicy,
  }: { statements?: object[]; permissions?: Permission[]; resourcePolicy?: ResourcePolicy } = {},
) {
  const Statement = [{ Effect: "Allow", Action: "test:Nothing", Resource: "*" }, ...statements];
  const policy = parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }), "identity");
  const grantsOf = (principal: Principal) => ({
    identity: "roleArn" in principal && principal.roleArn === roleArn ? [policy] : [],
    tags: { team: "blue" },
  });
  return createAuthorizer({ clock, grantsOf }).authorize({
    principal: principals[who],
    action,
    permissions: () => permissions,
    region: "eu-west-1",
    sourceIp: "10.64.0.9",
    userAgent: "test",
    resourcePolicyOf: () => resourcePolicy,
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
    const authorizer = createAuthorizer({ clock, grantsOf: permissions });
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
      { StringEquals: { "aws:PrincipalAccount": "111111111111", "aws:PrincipalType": "AssumedRole" } },
    ],
    ["the time", { DateLessThan: { "aws:CurrentTime": new Date(clock.now() + 1000).toISOString() } }],
    ["that the connection is plain", { Bool: { "aws:SecureTransport": false } }],
    ["that there is no user name", { Null: { "aws:username": true } }],
  ])("tells conditions %s", (_what, condition) => {
    expect(ask("instance", "ecs:Poll", { statements: [allow("ecs:Poll", "*", condition)] })).toBeUndefined();
  });

  describe("judges the policy of the resource, too:", () => {
    const secret = "arn:aws:secretsmanager:eu-west-1:1:secret:db-a1b2c3";
    const of = (Effect: string, Principal: object | string, rule?: "decides" | "trust"): ResourcePolicy => ({
      document: JSON.stringify({
        Version: "2012-10-17",
        Statement: {
          Effect,
          Principal,
          Action: rule === "trust" ? "sts:*" : "*",
          ...(rule === "trust" ? {} : { Resource: "*" }),
        },
      }),
      ...(rule === undefined ? {} : { rule }),
    });
    const account = { AWS: "arn:aws:iam::111111111111:root" };
    const judged = (
      resourcePolicy: ResourcePolicy,
      own: object[] = [],
      action = "secretsmanager:GetSecretValue",
    ) =>
      ask("task", action, { permissions: [{ resource: secret }], statements: own, resourcePolicy })?.reason ??
      "allowed";
    const mine = [allow("*")];

    it("its allow suffices, its deny binds", () => {
      expect(judged(of("Allow", { AWS: roleArn }))).toBe("allowed");
      expect(judged(of("Deny", "*"), mine)).toBe("with an explicit deny in a resource-based policy");
      expect(judged(of("Allow", { AWS: roleArn.replace("::111", "::211") }), mine)).toBe("allowed");
    });

    it("where it decides, the caller's own policies do not suffice unless it names the account", () => {
      const none = "because no resource-based policy allows the kms:Decrypt action";
      expect(judged(of("Allow", { Service: "x.amazonaws.com" }, "decides"), mine, "kms:Decrypt")).toBe(none);
      expect(judged(of("Allow", account, "decides"), mine, "kms:Decrypt")).toBe("allowed");
      expect(judged(of("Allow", account, "decides"), [], "kms:Decrypt")).toBe(
        "because no identity-based policy allows the kms:Decrypt action",
      );
      expect(judged(of("Allow", { AWS: roleArn }, "decides"), [], "kms:Decrypt")).toBe("allowed");
    });

    it("a trust policy is called by its name", () => {
      const service = { Service: "ec2.amazonaws.com" };
      expect(judged(of("Allow", service, "trust"), mine, "sts:AssumeRole")).toBe(
        "because no role trust policy allows the sts:AssumeRole action",
      );
      expect(judged(of("Deny", "*", "trust"), mine, "sts:AssumeRole")).toBe(
        "with an explicit deny in the role trust policy",
      );
    });

    it("one that cannot be read denies", () => {
      expect(judged({ document: "{" }, mine)).toBe("with an explicit deny in a resource-based policy");
    });
  });
});
