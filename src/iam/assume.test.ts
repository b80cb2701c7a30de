import { expect, it } from "vitest";
import { serviceMayAssume } from "./assume.ts";

const ecs = {
  service: "ecs-tasks.amazonaws.com",
  sourceAccount: "123456789012",
  sourceArn: "arn:aws:ecs:eu-west-1:123456789012:*",
};
const trust = (more: object = {}) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Principal: { Service: ecs.service }, Action: "sts:AssumeRole", ...more },
  });

it.each<[string, string, boolean]>([
  ["its service", trust(), true],
  ["another service", trust({ Principal: { Service: "ec2.amazonaws.com" } }), false],
  ["an account", trust({ Principal: { AWS: "123456789012" } }), false],
  ["its service, to tag sessions only", trust({ Action: "sts:TagSession" }), false],
  [
    "its service for this account",
    trust({ Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } } }),
    true,
  ],
  [
    "its service for another account",
    trust({ Condition: { StringEquals: { "aws:SourceAccount": "999999999999" } } }),
    false,
  ],
  [
    "its service for this region",
    trust({ Condition: { ArnLike: { "aws:SourceArn": "arn:aws:ecs:eu-west-1:123456789012:*" } } }),
    true,
  ],
  [
    "its service for another region",
    trust({ Condition: { ArnLike: { "aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*" } } }),
    false,
  ],
  ["nothing that can be read", "{", false],
])("a role that trusts %s", (_what, document, may) => {
  expect(serviceMayAssume(document, ecs)).toBe(may);
});
