import { describe, expect, it } from "vitest";
import { contextOf, evaluate, reasonOf, type ApplicablePolicies } from "./evaluate.ts";
import { parsePolicy } from "./parse.ts";
import type { Caller } from "./principal.ts";

const ACCOUNT = "123456789012";
const TASK = `arn:aws:ecs:eu-west-1:${ACCOUNT}:task/web/1`;
const session: Caller = {
  type: "AWS",
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/app/t`,
  account: ACCOUNT,
  roleArn: `arn:aws:iam::${ACCOUNT}:role/app`,
};
const service = (name: string): Caller => ({ type: "Service", name });

const policy = (Statement: object | object[], Version = "2012-10-17") =>
  parsePolicy(JSON.stringify({ Version, Statement }), "identity");
const trust = (Statement: object) =>
  parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }), "trust");
const allow = (more: object = {}) => ({ Effect: "Allow", Action: "*", Resource: "*", ...more });
const deny = (more: object = {}) => ({ ...allow(more), Effect: "Deny" });

interface Asked {
  readonly principal?: Caller;
  readonly action?: string;
  readonly resource?: string;
  readonly context?: Parameters<typeof contextOf>[0];
}
function said(
  policies: Partial<ApplicablePolicies>,
  { principal = session, action = "ecs:StopTask", resource = TASK, context = {} }: Asked = {},
): string {
  const decision = evaluate(
    { identity: [], ...policies },
    { principal, action, resources: [{ arn: resource }], context: contextOf(context) },
  );
  return decision.allowed ? "allowed" : reasonOf(decision, action);
}

describe("a denial says why", () => {
  const all = policy(allow());
  const none = policy(deny());
  it.each<[string, Partial<ApplicablePolicies>, string]>([
    ["nothing allows", {}, "because no identity-based policy allows the ecs:StopTask action"],
    [
      "the boundary does not",
      { identity: [all], boundary: [] },
      "because no permissions boundary allows the ecs:StopTask action",
    ],
    [
      "the session does not",
      { identity: [all], session: [] },
      "because no session policy allows the ecs:StopTask action",
    ],
    [
      "an identity policy denies",
      { identity: [all, none] },
      "with an explicit deny in an identity-based policy",
    ],
    [
      "the boundary denies",
      { identity: [all], boundary: [all, none] },
      "with an explicit deny in a permissions boundary",
    ],
    ["the session denies", { identity: [all], session: [none] }, "with an explicit deny in a session policy"],
  ])("%s", (_what, policies, words) => {
    expect(said(policies)).toBe(words);
  });

  it("and of several resources names the one that is denied explicitly", () => {
    const other = `arn:aws:ecs:eu-west-1:${ACCOUNT}:task/db/2`;
    const identity = [policy([deny({ Resource: other })])];
    const resources = [{ arn: TASK }, { arn: other }];
    expect(
      evaluate({ identity }, { principal: session, action: "ecs:StopTask", resources, context: new Map() }),
    ).toEqual({ allowed: false, explicit: true, source: "identity", resource: other });
  });
});

describe("actions and resources", () => {
  it.each<[string, object, Asked, boolean]>([
    ["actions have no case", { Action: "ECS:stoptask" }, {}, true],
    ["resources have one", { Resource: TASK.replace("web", "Web") }, {}, false],
    ["what is not excepted", { Action: undefined, NotAction: "ecs:Run*" }, {}, true],
    ["what is excepted", { Action: undefined, NotAction: "ecs:Stop*" }, {}, false],
    ["an ARN for an action without resources", { Resource: "arn:aws:ecs:*:*:*" }, { resource: "*" }, false],
    [
      "all but an ARN, for an action without resources",
      { Resource: undefined, NotResource: TASK },
      { resource: "*" },
      true,
    ],
    [
      "a wildcard stays in its part of the ARN",
      { Resource: `arn:aws:*:${ACCOUNT}:task/web/1` + ":x" },
      {},
      false,
    ],
    ["the last part's runs over colons and slashes", { Resource: "arn:aws:ecs:*:*:ta*" }, {}, true],
  ])("%s", (_what, more, asked, allowed) => {
    expect(said({ identity: [policy(allow(more))] }, asked) === "allowed").toBe(allowed);
  });
});

describe("policy variables", () => {
  const judged = (Resource: string, context: Asked["context"], Version?: string) =>
    said(
      { identity: [policy(allow({ Resource }), Version)] },
      { resource: "arn:aws:s3:::home/ana", context: context ?? {} },
    ) === "allowed";

  it.each<[string, string, Asked["context"], boolean]>([
    ["stand for the key's value", "arn:aws:s3:::home/${aws:username}", { "aws:username": "ana" }, true],
    [
      "whatever case the key is written in",
      "arn:aws:s3:::home/${AWS:UserName}",
      { "aws:username": "ana" },
      true,
    ],
    [
      "are no wildcards when their value looks like one",
      "arn:aws:s3:::home/${aws:username}",
      { "aws:username": "*" },
      false,
    ],
    ["without value match nothing", "arn:aws:s3:::home/${aws:username}", {}, false],
    ["have defaults", "arn:aws:s3:::home/${aws:username, 'ana'}", {}, true],
    [
      "of keys with several values have none",
      "arn:aws:s3:::home/${aws:TagKeys}",
      { "aws:TagKeys": ["ana", "bob"] },
      false,
    ],
    ["write a plain asterisk", "arn:aws:s3:::home/${*}", {}, false],
  ])("%s", (_what, resource, context, allowed) => {
    expect(judged(resource, context)).toBe(allowed);
  });

  it("are plain text in policies of the older version", () => {
    expect(judged("arn:aws:s3:::home/${aws:username}", { "aws:username": "ana" }, "2008-10-17")).toBe(false);
  });

  it("without value leave a statement of what is excepted without effect", () => {
    const rest = { Resource: undefined, NotResource: "arn:aws:s3:::home/${aws:username}" };
    expect(said({ identity: [policy(allow(rest))] })).not.toBe("allowed");
    expect(said({ identity: [policy([allow(), deny(rest)])] })).toBe("allowed");
  });
});

describe("condition operators", () => {
  type Values = string | string[] | undefined;
  it.each<[string, string | string[], Values, boolean]>([
    ["StringEquals", "a", "a", true],
    ["StringEquals", ["b", "a"], "a", true],
    ["StringEquals", "a*", "ab", false],
    ["StringEquals", "a", "A", false],
    ["StringEquals", "a", undefined, false],
    ["StringEqualsIfExists", "a", undefined, true],
    ["StringNotEquals", ["a", "b"], "c", true],
    ["StringNotEquals", ["a", "b"], "a", false],
    ["StringNotEquals", "a", undefined, true],
    ["StringEqualsIgnoreCase", "Ab", "aB", true],
    ["StringNotEqualsIgnoreCase", "Ab", "aB", false],
    ["StringLike", "a?c*", "abcd", true],
    ["StringLike", "a${*}c", "a*c", true],
    ["StringLike", "a${*}c", "abc", false],
    ["StringNotLike", "a*", "abc", false],
    ["NumericEquals", "10", "1e1", true],
    ["NumericLessThan", "10", "9", true],
    ["NumericLessThan", "10", "ten", false],
    ["NumericLessThanEquals", "10", "10", true],
    ["NumericGreaterThan", "10", "10", false],
    ["NumericGreaterThanEquals", "-1.5", "-1.5", true],
    ["NumericNotEquals", "10", "11", true],
    ["DateEquals", "2026-01-01T00:00:00Z", "1767225600", true],
    ["DateLessThan", "2026-01-02", "2026-01-01T23:59:59Z", true],
    ["DateGreaterThan", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", false],
    ["DateGreaterThanEquals", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", true],
    ["DateLessThanEquals", "soon", "2026-01-01T00:00:00Z", false],
    ["Bool", "true", "True", true],
    ["Bool", "false", "true", false],
    ["Bool", "yes", "yes", false],
    ["BinaryEquals", "QmluYXJ5", "QmluYXJ5", true],
    ["BinaryEquals", "QmluYXJ5", "qmluYXJ5", false],
    ["IpAddress", "10.64.0.0/16", "10.64.3.4", true],
    ["IpAddress", "10.64.3.4", "10.64.3.4", true],
    ["IpAddress", "10.64.0.0/16", "10.65.0.0", false],
    ["IpAddress", "0.0.0.0/0", "2001:db8::1", false],
    ["IpAddress", "2001:db8::/32", "2001:DB8:0:1::7", true],
    ["IpAddress", "::ffff:0:0/96", "::ffff:10.0.0.1", true],
    ["IpAddress", "10.0.0.0/33", "10.0.0.0", false],
    ["IpAddress", "10.0.0/8", "10.0.0.0", false],
    ["NotIpAddress", ["10.0.0.0/8", "192.168.0.0/16"], "192.168.3.4", false],
    ["NotIpAddress", "10.0.0.0/8", undefined, true],
    ["ArnEquals", "arn:aws:ecs:*:1:cluster/*", "arn:aws:ecs:eu-west-1:1:cluster/web", true],
    ["ArnLike", "arn:aws:*:1:cluster/web", "arn:aws:ecs:eu-west-1:1:cluster/web", false],
    ["ArnNotEquals", "arn:aws:ecs:*:1:cluster/*", "arn:aws:ecs:eu-west-1:2:cluster/web", true],
    ["ArnNotLike", "arn:aws:ecs:*:1:cluster/*", "arn:aws:ecs:eu-west-1:1:cluster/web", false],
    ["Null", "true", undefined, true],
    ["Null", "true", "a", false],
    ["Null", "false", "a", true],
    ["Null", "false", [], false],
    ["ForAllValues:StringEquals", ["a", "b"], ["a", "b"], true],
    ["ForAllValues:StringEquals", ["a", "b"], ["a", "c"], false],
    ["ForAllValues:StringEquals", "a", undefined, true],
    ["ForAllValues:StringNotEquals", "a", ["b", "a"], false],
    ["ForAnyValue:StringEquals", "a", ["b", "a"], true],
    ["ForAnyValue:StringEquals", "a", undefined, false],
    ["ForAnyValue:StringEqualsIfExists", "a", undefined, true],
    ["ForAnyValue:StringNotEquals", "a", ["a", "b"], true],
    ["ForAnyValue:StringNotEquals", "a", undefined, false],
    ["StringEquals", [], "a", false],
  ])("%s %j holds of %j: %s", (operator, wanted, actual, holds) => {
    const statement = allow({ Condition: { [operator]: { "x:Key": wanted } } });
    expect(said({ identity: [policy(statement)] }, { context: { "x:key": actual } }) === "allowed").toBe(
      holds,
    );
  });

  it("all hold, of all keys", () => {
    const Condition = { StringEquals: { "x:a": "1", "x:b": "2" }, Null: { "x:c": "true" } };
    const identity = [policy(allow({ Condition }))];
    expect(said({ identity }, { context: { "x:a": "1", "x:b": "2" } })).toBe("allowed");
    expect(said({ identity }, { context: { "x:a": "1", "x:b": "3" } })).not.toBe("allowed");
    expect(said({ identity }, { context: { "x:a": "1", "x:b": "2", "x:c": "" } })).not.toBe("allowed");
  });

  it("take variables among their values; one without value leaves a negated test without effect", () => {
    const own = (operator: string) => allow({ Condition: { [operator]: { "x:owner": "${aws:username}" } } });
    const context = { "x:owner": "ana", "aws:username": "ana" };
    expect(said({ identity: [policy(own("StringEquals"))] }, { context })).toBe("allowed");
    expect(said({ identity: [policy(own("StringNotEquals"))] }, { context: { "x:owner": "ana" } })).not.toBe(
      "allowed",
    );
  });
});

describe("whom a resource's policy names", () => {
  const assume = (
    principal: Caller,
    Principal: unknown,
    more: object = {},
    identity: ApplicablePolicies["identity"] = [],
  ) =>
    said(
      { identity, resource: [trust({ Effect: "Allow", Principal, Action: "sts:AssumeRole", ...more })] },
      {
        principal,
        action: "sts:AssumeRole",
        resource: `arn:aws:iam::${ACCOUNT}:role/app`,
        context: { "aws:SourceAccount": ACCOUNT },
      },
    );
  it.each<[string, Caller, unknown, boolean]>([
    [
      "its service",
      service("ec2.amazonaws.com"),
      { Service: ["ecs.amazonaws.com", "ec2.amazonaws.com"] },
      true,
    ],
    ["another service", service("ecs-tasks.amazonaws.com"), { Service: "ec2.amazonaws.com" }, false],
    ["everybody", service("ec2.amazonaws.com"), "*", true],
    ["the session", session, { AWS: session.arn }, true],
    ["the session's role", session, { AWS: `arn:aws:iam::${ACCOUNT}:role/app` }, true],
    ["the account, which must allow it, too", session, { AWS: ACCOUNT }, false],
    ["another role", session, { AWS: `arn:aws:iam::${ACCOUNT}:role/other` }, false],
    [
      "a provider",
      { type: "Federated", provider: "accounts.google.com" },
      { Federated: "accounts.google.com" },
      true,
    ],
    ["a canonical user", { type: "CanonicalUser", id: "79a5" }, { CanonicalUser: "79a5" }, true],
  ])("%s", (_what, caller, principal, allowed) => {
    expect(assume(caller, principal) === "allowed").toBe(allowed);
  });

  it("lets an account's own policies say who of it", () => {
    expect(assume(session, { AWS: `arn:aws:iam::${ACCOUNT}:root` }, {}, [policy(allow())])).toBe("allowed");
  });

  it("may be all but somebody", () => {
    const but = (name: string) => ({ Principal: undefined, NotPrincipal: { Service: name } });
    expect(assume(service("ec2.amazonaws.com"), undefined, but("ecs.amazonaws.com"))).toBe("allowed");
    expect(assume(service("ec2.amazonaws.com"), undefined, but("ec2.amazonaws.com"))).toBe(
      "because no resource-based policy allows the sts:AssumeRole action",
    );
  });

  it("may ask for more", () => {
    const of = (account: string) => ({ Condition: { StringEquals: { "aws:SourceAccount": account } } });
    expect(assume(service("ec2.amazonaws.com"), { Service: "ec2.amazonaws.com" }, of(ACCOUNT))).toBe(
      "allowed",
    );
    expect(
      assume(service("ec2.amazonaws.com"), { Service: "ec2.amazonaws.com" }, of("999999999999")),
    ).not.toBe("allowed");
  });
});
