import { describe, expect, it } from "vitest";
import { interimAuthorizer } from "./authorize.ts";
import type { Principal } from "./service-definition.ts";

const common = { arn: "arn:aws:sts::1:assumed-role/r/x", account: "1", id: "AROA:x" };
const principals = {
  root: { ...common, type: "root" },
  user: { ...common, type: "user", userName: "u" },
  instance: { ...common, type: "instance", roleArn: "r", instanceId: "i-1" },
  task: { ...common, type: "task", roleArn: "r", taskArn: "t" },
} satisfies Record<string, Principal>;

const reason = (who: keyof typeof principals, action: string, input: unknown = {}) =>
  interimAuthorizer.authorize({ principal: principals[who], action, resource: "*", input });

describe("the interim authorizer", () => {
  it.each<[keyof typeof principals, string]>([
    ["root", "ecs:DeleteCluster"],
    ["instance", "ecs:RegisterContainerInstance"],
    ["instance", "ecs:Poll"],
    ["instance", "ecs:SubmitTaskStateChange"],
    ["instance", "sts:GetCallerIdentity"],
    ["task", "ecs:UpdateTaskProtection"],
    ["task", "sts:GetCallerIdentity"],
    ["user", "sts:GetCallerIdentity"],
  ])("lets %s do %s", (who, action) => {
    expect(reason(who, action)).toBeUndefined();
  });

  it.each<[keyof typeof principals, string]>([
    ["instance", "ecs:RunTask"],
    ["instance", "iam:CreateUser"],
    ["task", "ecs:RegisterContainerInstance"],
    ["task", "ecs:Poll"],
    ["user", "ecs:ListClusters"],
  ])("does not let %s do %s", (who, action) => {
    expect(reason(who, action)).toBe(`no identity-based policy allows the ${action} action`);
  });

  it("lets an instance create the default cluster and no other", () => {
    expect(reason("instance", "ecs:CreateCluster")).toBeUndefined();
    expect(reason("instance", "ecs:CreateCluster", { clusterName: "default" })).toBeUndefined();
    expect(reason("instance", "ecs:CreateCluster", { clusterName: "web" })).toContain(
      "no identity-based policy",
    );
  });
});
