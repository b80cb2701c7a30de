import { describe, expect, it } from "vitest";
import { parsePolicy, type PolicyKind } from "./parse.ts";

const document = (statement: object, Version = "2012-10-17") =>
  JSON.stringify({ Version, Statement: statement });
const allow = { Effect: "Allow", Action: "ecs:RunTask", Resource: "*" };
const trust = { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" };

function refusal(text: string, kind: PolicyKind = "identity"): string {
  try {
    parsePolicy(text, kind);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error("It was read.");
}

describe("a permissions policy", () => {
  it.each<[string, object | object[]]>([
    ["one statement without a list", allow],
    [
      "two with ids",
      [
        { ...allow, Sid: "a" },
        { ...allow, Sid: "b" },
      ],
    ],
    [
      "what is excepted",
      { Effect: "Deny", NotAction: ["ecs:*", "*"], NotResource: "arn:aws:ecs:*:*:task/*" },
    ],
    ["an ARN that ends in a wildcard part", { ...allow, Resource: "arn:aws:logs:*:*:*" }],
    [
      "numbers and booleans without quotes",
      { ...allow, Condition: { Bool: { "aws:x": false }, NumericEquals: { "aws:y": [1, "2"] } } },
    ],
    [
      "operators with everything around them",
      { ...allow, Condition: { "ForAnyValue:StringLikeIfExists": { "aws:TagKeys": "a*" } } },
    ],
    [
      "a condition without values, which holds never",
      { ...allow, Condition: { StringEquals: { "aws:x": [] } } },
    ],
  ])("may have %s", (_what, statement) => {
    expect(parsePolicy(document(statement), "identity").statements.length).toBeGreaterThan(0);
  });

  it.each<[string, string, string]>([
    ["no JSON", "{", "This policy contains invalid Json"],
    ["JSON that is no object", "[]", "Syntax errors in policy."],
    ["no statement", document([]), "Syntax errors in policy."],
    ["an unknown member", JSON.stringify({ Statement: allow, Extra: 1 }), "Syntax errors in policy."],
    ["an unknown version", document(allow, "2013-10-17"), "Syntax errors in policy."],
    ["an unknown member of a statement", document({ ...allow, Extra: 1 }), "Syntax errors in policy."],
    ["an effect in another case", document({ ...allow, Effect: "allow" }), "Syntax errors in policy."],
    ["actions of both kinds", document({ ...allow, NotAction: "ecs:*" }), "Syntax errors in policy."],
    ["an action that is no text", document({ ...allow, Action: 1 }), "Syntax errors in policy."],
    ["a condition that is no object", document({ ...allow, Condition: [] }), "Syntax errors in policy."],
    ["no action", document({ Effect: "Allow", Resource: "*" }), "Policy statement must contain actions."],
    [
      "an empty list of actions",
      document({ ...allow, Action: [] }),
      "Policy statement must contain actions.",
    ],
    ["no resource", document({ Effect: "Allow", Action: "*" }), "Policy statement must contain resources."],
    [
      "a principal",
      document({ ...allow, Principal: "*" }),
      "Policy document should not specify a principal.",
    ],
    [
      "an action without service",
      document({ ...allow, Action: "RunTask" }),
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ],
    ["a wildcard for the service", document({ ...allow, Action: "e*:RunTask" }), "Vendor e* is not valid"],
    [
      "a resource that is no ARN",
      document({ ...allow, Resource: "task/*" }),
      'Resource task/* must be in ARN format or "*".',
    ],
    ["an ARN cut short", document({ ...allow, Resource: "arn:aws:ecs" }), "The policy failed legacy parsing"],
    [
      "a repeated id",
      document([
        { ...allow, Sid: "a" },
        { ...allow, Sid: "a" },
      ]),
      "Statement IDs (SID) in a single policy must be unique.",
    ],
    [
      "an id with a space",
      document({ ...allow, Sid: "a b" }),
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ],
    [
      "an operator that there is not",
      document({ ...allow, Condition: { StringMatches: { "aws:x": "a" } } }),
      "Invalid Condition type : StringMatches.",
    ],
    [
      "existence if it exists",
      document({ ...allow, Condition: { NullIfExists: { "aws:x": "true" } } }),
      "Invalid Condition type : NullIfExists.",
    ],
    [
      "a condition key without service",
      document({ ...allow, Condition: { StringEquals: { SourceIp: "a" } } }),
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ],
  ])("is refused with %s", (_what, text, message) => {
    expect(refusal(text)).toBe(`MalformedPolicyDocument: ${message}`);
  });
});

describe("a trust policy", () => {
  it.each<[string, unknown]>([
    ["everybody", "*"],
    ["an account", { AWS: "123456789012" }],
    [
      "a role and a user",
      { AWS: ["arn:aws:iam::123456789012:role/a/b", "arn:aws:iam::123456789012:user/ana"] },
    ],
    ["services", { Service: ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"] }],
    ["an identity provider", { Federated: "arn:aws:iam::123456789012:oidc-provider/example.com" }],
  ])("may name %s", (_what, Principal) => {
    expect(parsePolicy(document({ ...trust, Principal }), "trust").statements).toHaveLength(1);
  });

  it.each<[string, object, string]>([
    ["a resource", { ...trust, Resource: "*" }, "Has prohibited field Resource"],
    ["nobody", { Effect: "Allow", Action: "sts:AssumeRole" }, "Missing required field Principal"],
    [
      "another service's action",
      { ...trust, Action: "ecs:RunTask" },
      "AssumeRole policy may only specify STS AssumeRole actions.",
    ],
    [
      "part of a name",
      { ...trust, Principal: { AWS: "arn:aws:iam::123456789012:role/a*" } },
      'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/a*"',
    ],
    [
      "a service without domain",
      { ...trust, Principal: { Service: "ec2" } },
      'Invalid principal in policy: "Service":"ec2"',
    ],
    ["an unknown kind", { ...trust, Principal: { Robot: "x" } }, 'Invalid principal in policy: "Robot":"x"'],
    ["an empty principal", { ...trust, Principal: {} }, "Invalid principal in policy."],
  ])("is refused with %s", (_what, statement, message) => {
    expect(refusal(document(statement), "trust")).toBe(`MalformedPolicyDocument: ${message}`);
  });
});
