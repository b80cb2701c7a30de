// How long one decision takes: a role with the policies of a container instance and of a task that may look and pass roles, asked
// for what it may do, what it may not, and what is denied. Every decision is asserted. `--decisions N` changes the load.
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { managedPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import { contextOf, evaluate } from "#iam/evaluate.ts";
import { parsePolicy } from "#iam/parse.ts";
import { report, round } from "./report.ts";

const { values } = parseArgs({ options: { decisions: { type: "string", default: "200000" } } });
const decisions = Number(values.decisions);
const ACCOUNT = "123456789012";

const own = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Action: ["ecs:Describe*", "ecs:List*", "ecs:StopTask"],
      Resource: `arn:aws:ecs:*:${ACCOUNT}:*/web/*`,
      Condition: { ArnEquals: { "ecs:cluster": `arn:aws:ecs:*:${ACCOUNT}:cluster/web` } },
    },
    {
      Effect: "Allow",
      Action: "ecs:RunTask",
      Resource: `arn:aws:ecs:*:${ACCOUNT}:task-definition/\${aws:PrincipalTag/team}-*:*`,
      Condition: { IpAddress: { "aws:SourceIp": ["10.64.0.0/16", "192.168.0.0/16"] } },
    },
    {
      Effect: "Deny",
      Action: "*",
      Resource: "*",
      Condition: { StringNotEqualsIfExists: { "aws:RequestedRegion": ["eu-west-1", "eu-central-1"] } },
    },
  ],
});
const named = (name: string) => {
  const policy = [...managedPolicies.values()].find((each) => each.name === name);
  assert(policy, name);
  return policy.document;
};
const texts = [own, named("AmazonEC2ContainerServiceforEC2Role"), named("AmazonECS_FullAccess")];
const [ownPolicy, instance, full] = texts.map((text) => parsePolicy(text, "identity"));
assert(ownPolicy && instance && full);

const asked = (action: string, resource: string, region = "eu-west-1") => ({
  principal: { type: "AWS", arn: `arn:aws:sts::${ACCOUNT}:assumed-role/app/t`, account: ACCOUNT } as const,
  action,
  resources: [{ arn: `arn:aws:ecs:${region}:${ACCOUNT}:${resource}` }],
  context: contextOf({
    "aws:RequestedRegion": region,
    "aws:SourceIp": "10.64.3.4",
    "aws:PrincipalTag/team": "web",
    "ecs:cluster": `arn:aws:ecs:${region}:${ACCOUNT}:cluster/web`,
  }),
});

function measure(
  identity: Parameters<typeof evaluate>[0]["identity"],
  request: ReturnType<typeof asked>,
  allowed: boolean,
) {
  const begin = performance.now();
  for (let i = 0; i < decisions; i += 1) assert.equal(evaluate({ identity }, request).allowed, allowed);
  return round(((performance.now() - begin) * 1000) / decisions);
}

const begin = performance.now();
for (let i = 0; i < 1000; i += 1) for (const text of texts) parsePolicy(text, "identity");
const parseMicroseconds = round((performance.now() - begin) / texts.length);

const both = [ownPolicy, instance];
report("iam", {
  decisions,
  microsecondsPerDecision: {
    registers: measure(both, asked("ecs:RegisterContainerInstance", "cluster/web"), true),
    runsWithVariableAndAddress: measure(both, asked("ecs:RunTask", "task-definition/web-api:7"), true),
    mayNot: measure(both, asked("ecs:DeleteCluster", "cluster/web"), false),
    isDenied: measure(both, asked("ecs:RunTask", "task-definition/web-api:7", "us-east-1"), false),
    amongAHundredAndFiftyActions: measure([full], asked("ecs:DeleteCluster", "cluster/web"), true),
  },
  microsecondsToReadAPolicy: parseMicroseconds,
});
