// Secrets and log configurations of task definitions: what is taken and shown again, and what is refused in AWS's words.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  ContainerDefinition,
  LogConfiguration,
  RegisterTaskDefinitionRequest,
} from "@aws-sdk/client-ecs";
import { createFixture, refusal, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
let role: string;
beforeEach(async () => {
  f = await createFixture();
  role = await f.role("execution");
});
afterEach(() => f.close());

const register = (
  container: Partial<ContainerDefinition>,
  changes: Partial<RegisterTaskDefinitionRequest> = { executionRoleArn: role },
) =>
  f.client.registerTaskDefinition({
    family: "web",
    containerDefinitions: [{ name: "app", image: "nginx", memory: 64, ...container }],
    ...changes,
  });
const attributes = async (...given: Parameters<typeof register>) =>
  (await register(...given)).taskDefinition?.requiresAttributes?.map((a) => a.name);

const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
const parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/db/user";

describe("secrets of a definition", () => {
  const secrets = [
    { name: "PASSWORD", valueFrom: `${secret}:password::` },
    { name: "USER", valueFrom: parameter },
    { name: "TOKEN", valueFrom: "/app/token" },
  ];

  it("are shown as they were given, and need an agent that fetches them", async () => {
    const options = { tag: "x" };
    const secretOptions = [{ name: "labels", valueFrom: secret }];
    const given = { secrets, logConfiguration: { logDriver: "json-file" as const, options, secretOptions } };
    const { taskDefinition } = await register(given);
    expect(taskDefinition?.containerDefinitions?.[0]).toMatchObject(given);
    expect(taskDefinition?.requiresAttributes?.map((a) => a.name)).toEqual([
      "com.amazonaws.ecs.capability.docker-remote-api.1.18",
      "com.amazonaws.ecs.capability.logging-driver.json-file",
      "ecs.capability.secrets.asm.bootstrap.log-driver",
      "ecs.capability.secrets.asm.environment-variables",
      "ecs.capability.secrets.ssm.environment-variables",
    ]);
    const described = await f.client.describeTaskDefinition({ taskDefinition: "web" });
    expect(described.taskDefinition).toEqual(taskDefinition);
  });

  const SYMBOLS =
    "The parameter name can be up to 2048 characters and include the following letters and symbols: a-zA-Z0-9_.-,";
  const unique = (kind: string, name: string) =>
    `The secret name must be unique and not shared with any new or existing ${kind} set on the container, such as '${name}'.`;
  const refusals: [string, Partial<ContainerDefinition>, string | RegExp][] = [
    [
      "a parameter's name with a space",
      { secrets: [{ name: "A", valueFrom: "b c" }] },
      `The Systems Manager parameter name specified for secret A is invalid. ${SYMBOLS}`,
    ],
    [
      "one selector of three",
      { secrets: [{ name: "A", valueFrom: `${secret}:key` }] },
      /^The ARN specified for secret A is invalid\./,
    ],
    [
      "the ARN of something else",
      { secrets: [{ name: "A", valueFrom: "arn:aws:s3:::bucket/x" }] },
      /^The ARN specified for secret A is invalid\./,
    ],
    ["a secret without a name", { secrets: [{ name: "", valueFrom: "b" }] }, /^Invalid 'secrets' setting/],
    [
      "a name that a variable has",
      { secrets: [{ name: "A", valueFrom: "b" }], environment: [{ name: "A", value: "" }] },
      unique("environment variables", "A"),
    ],
    [
      "a name twice",
      {
        secrets: [
          { name: "A", valueFrom: "b" },
          { name: "A", valueFrom: "c" },
        ],
      },
      unique("environment variables", "A"),
    ],
    [
      "a log option twice",
      {
        logConfiguration: {
          logDriver: "json-file",
          options: { tag: "x" },
          secretOptions: [{ name: "tag", valueFrom: "b" }],
        },
      },
      unique("log options", "tag"),
    ],
  ];
  it.each(refusals)("are refused with %s", async (_what, container, message) => {
    const answer = String(await refusal(register(container))).replace(/^ClientException: /, "");
    if (typeof message === "string") expect(answer).toBe(message);
    else expect(answer).toMatch(message);
  });

  it("need an execution role, also those of a log driver", async () => {
    const words =
      "ClientException: When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.";
    expect(await refusal(register({ secrets }, {}))).toBe(words);
    const logConfiguration = { logDriver: "json-file" as const, secretOptions: secrets };
    expect(await refusal(register({ logConfiguration }, {}))).toBe(words);
  });
});

describe("the log driver awslogs", () => {
  const options = { "awslogs-group": "/ecs/web", "awslogs-region": "us-east-1" };
  const logging = (more: Record<string, string>, log: Partial<LogConfiguration> = {}) => ({
    logConfiguration: { logDriver: "awslogs" as const, options: { ...options, ...more }, ...log },
  });

  it("takes ECS's options and shows nothing that was not given", async () => {
    const given = logging({
      "awslogs-stream-prefix": "web",
      "awslogs-create-group": "true",
      "awslogs-multiline-pattern": "^(INFO|ERROR)",
      mode: "non-blocking",
      "max-buffer-size": "25m",
    });
    const { taskDefinition } = await register(given);
    expect(taskDefinition?.containerDefinitions?.[0]?.logConfiguration).toEqual(given.logConfiguration);
  });

  it("needs an agent whose engine has it, and one that hands it the execution role when there is one", async () => {
    const driver = [
      "com.amazonaws.ecs.capability.docker-remote-api.1.18",
      "com.amazonaws.ecs.capability.logging-driver.awslogs",
    ];
    expect(await attributes(logging({}), {})).toEqual(driver);
    expect(await attributes(logging({}))).toEqual([...driver, "ecs.capability.execution-role-awslogs"]);
  });

  const refusals: [string, ReturnType<typeof logging>, string | RegExp][] = [
    ["no group", logging({ "awslogs-group": "" }), "Log driver awslogs requires options: awslogs-group"],
    [
      "no options",
      logging({}, { options: {} }),
      "Log driver awslogs requires options: awslogs-group, awslogs-region",
    ],
    ...["awslogs-endpoint", "awslogs-stream", "awslogs-credentials-endpoint", "tag"].map(
      (name): [string, ReturnType<typeof logging>, string] => [
        `the option ${name}`,
        logging({ [name]: "/x" }),
        `Log driver awslogs disallows options: ${name}`,
      ],
    ),
    [
      "an endpoint out of a secret",
      logging({}, { secretOptions: [{ name: "awslogs-endpoint", valueFrom: "b" }] }),
      "Log driver awslogs disallows options: awslogs-endpoint",
    ],
    [
      "two ways to begin a line",
      logging({ "awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "^x" }),
      /exclude each other/,
    ],
    ["an unknown mode", logging({ mode: "fast" }), "Invalid 'mode' log option for container 'app'."],
    [
      "a buffer in blocking mode",
      logging({ mode: "blocking", "max-buffer-size": "1m" }),
      /needs the mode 'non-blocking'/,
    ],
    ["a buffer in words", logging({ "max-buffer-size": "big" }), /^Invalid 'max-buffer-size' log option/],
    ["a group with a space", logging({ "awslogs-group": "a b" }), /^Invalid 'awslogs-group' log option/],
    [
      "a prefix with a colon",
      logging({ "awslogs-stream-prefix": "a:b" }),
      /^Invalid 'awslogs-stream-prefix'/,
    ],
    ["a half truth", logging({ "awslogs-create-group": "yes" }), /^Invalid 'awslogs-create-group'/],
  ];
  it.each(refusals)("is refused with %s", async (_what, container, message) => {
    const answer = String(await refusal(register(container))).replace(/^ClientException: /, "");
    if (typeof message === "string") expect(answer).toBe(message);
    else expect(answer).toMatch(message);
  });
});
