import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import { parsePolicy } from "#iam/parse.ts";
import { createAuthorizer } from "./authorize.ts";
import type { Principal } from "./service-definition.ts";
import { authenticateUpgrade } from "./upgrade.ts";

const clock = new TestClock();
const arn = "arn:aws:sts::1:assumed-role/ecsInstanceRole/i-1";
const instance: Principal = {
  type: "instance",
  arn,
  account: "1",
  id: "AROA:i-1",
  roleArn: "ecsInstanceRole",
  instanceId: "i-1",
};
const task: Principal = { type: "task", arn, account: "1", id: "AROA:t", roleArn: "r", taskArn: "t" };
const secretAccessKey = "secret";
const url =
  "http://10.64.0.2:4566/ws/acs?clusterArn=arn%3Aaws%3Aecs%3Aeu-west-1%3A1%3Acluster%2Fdefault&seqNum=1";
const purpose = {
  action: "ecs:Poll",
  resource: "arn:aws:ecs:eu-west-1:1:container-instance/default/1",
} as const;

const polling = parsePolicy(
  JSON.stringify({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Action: "ecs:Poll",
      Resource: "arn:aws:ecs:*:1:container-instance/default/*",
    },
  }),
  "identity",
);

const options = (principal: Principal) => ({
  credentials: { resolve: () => ({ secretAccessKey, principal }) },
  authorizer: createAuthorizer({
    clock,
    grantsOf: (caller) => ({
      identity: "roleArn" in caller && caller.roleArn === "ecsInstanceRole" ? [polling] : [],
      tags: {},
    }),
  }),
  clock,
});

function upgrade(secret: string | undefined, host = "10.64.0.2:4566"): IncomingMessage {
  const credentials = { accessKeyId: "ASIA1", secretAccessKey: secret ?? "", sessionToken: "token" };
  const signed =
    secret === undefined
      ? {}
      : signRequest({
          method: "GET",
          url,
          credentials,
          region: "eu-west-1",
          service: "ecs",
          time: clock.now(),
        });
  const headers: Record<string, string> = { ...signed, host, connection: "Upgrade", upgrade: "websocket" };
  return {
    method: "GET",
    url: url.slice("http://10.64.0.2:4566".length),
    headers,
    rawHeaders: Object.entries(headers).flat(),
    socket: { remoteAddress: "::ffff:10.64.0.4", localAddress: "10.64.0.2", localPort: 4566 },
  } as unknown as IncomingMessage;
}

it("knows the instance that opens the agent's channel, and by which name it came", () => {
  expect(authenticateUpgrade(options(instance), upgrade(secretAccessKey), purpose)).toEqual({
    principal: instance,
    region: "eu-west-1",
    endpoint: "http://10.64.0.2:4566",
  });
});

it.each<[string, IncomingMessage, Principal, string]>([
  ["without a signature", upgrade(undefined), instance, "MissingAuthenticationTokenException"],
  ["with another secret", upgrade("other"), instance, "InvalidSignatureException"],
  [
    "for another host than was signed",
    upgrade(secretAccessKey, "localhost:4566"),
    instance,
    "InvalidSignatureException",
  ],
  ["by a task", upgrade(secretAccessKey), task, "AccessDeniedException"],
])("refuses the channel %s", (_what, request, principal, code) => {
  expect(authenticateUpgrade(options(principal), request, purpose)).toMatchObject({ refusal: { code } });
});
