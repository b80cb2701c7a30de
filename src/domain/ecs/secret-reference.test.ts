import { describe, expect, it } from "vitest";
import { parseSecretReference } from "./secret-reference.ts";

const secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
const parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter";

describe("a secret's reference", () => {
  it.each([
    ["password", { provider: "ssm", name: "password" }],
    ["/app/db/password", { provider: "ssm", name: "/app/db/password" }],
    [
      `${parameter}/password`,
      { provider: "ssm", region: "eu-west-1", account: "123456789012", name: "password" },
    ],
    [
      `${parameter}/app/password`,
      { provider: "ssm", region: "eu-west-1", account: "123456789012", name: "/app/password" },
    ],
    [secret, { provider: "asm", region: "eu-west-1", secretId: secret }],
    [`${secret}:user::`, { provider: "asm", region: "eu-west-1", secretId: secret, jsonKey: "user" }],
    [
      `${secret}::AWSPREVIOUS:`,
      { provider: "asm", region: "eu-west-1", secretId: secret, versionStage: "AWSPREVIOUS" },
    ],
    [`${secret}:::0a1b`, { provider: "asm", region: "eu-west-1", secretId: secret, versionId: "0a1b" }],
    [
      `${secret}:user:AWSCURRENT:0a1b`,
      {
        provider: "asm",
        region: "eu-west-1",
        secretId: secret,
        jsonKey: "user",
        versionStage: "AWSCURRENT",
        versionId: "0a1b",
      },
    ],
    [`${secret}:::`, { provider: "asm", region: "eu-west-1", secretId: secret }],
  ])("%s is read whole", (given, reference) => {
    expect(parseSecretReference(given)).toEqual(reference);
  });

  it.each([
    "",
    "a b",
    "name:3",
    `${secret}:user`,
    `${secret}:user:`,
    `${secret}:a:b:c:d`,
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
    "arn:aws:secretsmanager:eu-west-1:123456789012:db",
    "arn:aws:secretsmanager::123456789012:secret:db",
    "arn:aws:ssm:eu-west-1:123456789012:document/x",
    `${parameter}/`,
    `${parameter}//a`,
    "arn:aws:ssm:eu-west-1:1:parameter/a",
    "arn:aws:s3:::bucket/file",
  ])("%s is none", (given) => {
    expect(parseSecretReference(given)).toBeUndefined();
  });
});
