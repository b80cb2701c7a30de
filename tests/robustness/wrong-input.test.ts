// Every operation there is, given what it cannot take: the answer is always a refusal in AWS's form, by a code that the service
// has, and never a fault of ours. Inputs come from the official SDK's schemas, so that a new operation is tried as well.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { awsQueryDialect, ec2Dialect } from "#gateway/query-decode.ts";
import type { Member, Shape } from "#gateway/shape.ts";
import {
  builtOperations,
  encoded,
  leastInput,
  type BuiltOperation,
  type Input,
} from "#tests/support/operation-inputs.ts";
import { fault } from "#tests/support/refusal-form.ts";
import { call, type Answer, type Signer } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { startTwoHosts, taskRow, type Host } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let root: Signer;
let hosts: readonly Host[];
let operations: readonly BuiltOperation[];
let checkedLines = 0;

beforeAll(async () => {
  server = await startSimulatedServer();
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
  hosts = await startTwoHosts(server);
  operations = await builtOperations();
}, 30_000);
afterAll(() => server.close());

/** Whatever was sent: no fault of ours was logged, and the server answers. */
afterEach(async () => {
  const lines = server.log.slice(checkedLines);
  checkedLines = server.log.length;
  expect(lines.filter((line) => line.level === "error")).toEqual([]);
  expect((await fetch(`${server.endpoint}/healthz`)).status).toBe(200);
});

const send = (operation: BuiltOperation, input: Input | string): Promise<Answer> =>
  call(
    operation.service,
    operation.name,
    typeof input === "string" ? input : encoded(operation, input),
    root,
  );

/** The faults among the answers to `inputs` of every operation; `mayBeTaken` when a 200 is as good. */
async function faults(
  inputs: (operation: BuiltOperation) => readonly (Input | string)[],
  { mayBeTaken = false } = {},
): Promise<readonly object[]> {
  const found: object[] = [];
  for (const operation of operations) {
    const answers = await Promise.all(
      inputs(operation).map(async (input) => ({ input, answer: await send(operation, input) })),
    );
    for (const { input, answer } of answers) {
      if (mayBeTaken && answer.status === 200) continue;
      const one = fault(operation, answer, input);
      if (one !== undefined) found.push(one);
    }
  }
  return found;
}

/** As the caller knows the member; JSON services begin their sentence with it, or write it as the model's rules do. */
function wireNames({ protocol }: BuiltOperation, member: Member): readonly string[] {
  if (protocol === "ec2") return ec2Dialect.memberNames(member);
  if (protocol === "query") return awsQueryDialect.memberNames(member);
  const rest = member.name.slice(1);
  const first = member.name.charAt(0);
  return [first.toUpperCase() + rest, first.toLowerCase() + rest];
}
const required = (operation: BuiltOperation) => operation.input.members.filter((m) => m.required);
const withMember = (operation: BuiltOperation, member: Member, value: unknown): Input => ({
  ...leastInput(operation),
  [member.name]: value,
});

/** A value that no value of the shape can be, as JSON. */
function wrongJson(shape: Shape): readonly unknown[] {
  switch (shape.kind) {
    case "structure":
      return ["text", 5, [], true];
    case "list":
      return ["text", 5, { a: 1 }, true];
    case "map":
      return ["text", 5, [], true];
    case "string":
      return [5, true, {}, []];
    case "number":
      return ["five", true, {}, []];
    case "boolean":
      return ["true", 1, {}, []];
    case "timestamp":
      return ["never", true, {}, 1e300];
    case "blob":
      return [5, "***", {}];
    case "document":
      return [];
  }
}

/** Queries know nothing but text: these kinds have texts that they cannot be. */
const wrongText: Partial<Record<Shape["kind"], string>> = {
  number: "five",
  boolean: "maybe",
  timestamp: "never",
  blob: "***",
};

const wrongValues = ({ protocol }: BuiltOperation, shape: Shape): readonly unknown[] =>
  protocol === "awsJson1_1" ? wrongJson(shape) : [wrongText[shape.kind]].filter((v) => v !== undefined);

describe("every operation", () => {
  it("is refused without its input when it needs one", async () => {
    expect(operations.length).toBeGreaterThan(100);
    const needy = (o: BuiltOperation) => required(o).length > 0;
    expect(await faults((o) => (needy(o) ? [{}] : []))).toEqual([]);
    expect(await faults((o) => (needy(o) ? [] : [{}]), { mayBeTaken: true })).toEqual([]);
  });

  it("names a required member that is missing", async () => {
    const found: object[] = [];
    for (const operation of operations) {
      for (const member of required(operation)) {
        const { [member.name]: _, ...rest } = leastInput(operation) as Record<string, unknown>;
        const answer = await send(operation, rest);
        const one = fault(operation, answer, rest);
        if (one !== undefined) found.push(one);
        else if (!wireNames(operation, member).some((name) => answer.message?.includes(name)))
          found.push({ operation: operation.name, missing: member.name, said: answer.message });
      }
    }
    expect(found).toEqual([]);
  });

  it("refuses a member of a wrong type", async () => {
    const wrong = await faults((operation) =>
      operation.input.members.flatMap((member) =>
        wrongValues(operation, member.shape).map((value) => withMember(operation, member, value)),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("refuses a wrong type deep inside, wherever there is one", async () => {
    expect(
      await faults((operation) =>
        operation.input.members.flatMap((member) =>
          deepWrongs(operation, member.shape, 4)
            .slice(0, 40)
            .map((value) => withMember(operation, member, value)),
        ),
      ),
    ).toEqual([]);
  });

  it("takes or refuses texts and names of 300 KiB, and refuses 1 MiB", { timeout: 30_000 }, async () => {
    const long = (octets: number) => (operation: BuiltOperation) =>
      operation.input.members.flatMap((member) => {
        const value = longest(member.shape, "a".repeat(octets), 4);
        return value === undefined ? [] : [withMember(operation, member, value)];
      });
    expect(await faults((o) => long(300 * 1024)(o).slice(0, 5), { mayBeTaken: true })).toEqual([]);
    expect(await faults((o) => long(1024 * 1024)(o).slice(0, 1))).toEqual([]);
  });

  it("refuses names of nothing, and takes lists of them", async () => {
    expect(await faults((operation) => [leastInput(operation)], { mayBeTaken: true })).toEqual([]);
  });

  it("is none the worse for members that it does not know", async () => {
    const strange = { nothing: 1, __proto__x: {}, constructor: "a", toString: { a: [1] }, "": "x" };
    expect(await faults((o) => [{ ...leastInput(o), ...strange }], { mayBeTaken: true })).toEqual([]);
  });

  it("refuses what is nested without end", async () => {
    const found: object[] = [];
    for (const operation of operations) {
      const [member] = operation.input.members.filter((m) => m.shape.kind !== "document");
      if (member === undefined) continue;
      const body =
        operation.protocol === "awsJson1_1"
          ? `{"${member.name}":${"[".repeat(20_000)}${"]".repeat(20_000)}}`
          : `${member.name}${".member.1".repeat(2_000)}=x`;
      const one = fault(operation, await send(operation, body), body);
      if (one !== undefined) found.push(one);
    }
    expect(found).toEqual([]);
  });
});

/** Values of the shape in which one thing, further in, is of a wrong type. */
function deepWrongs(operation: BuiltOperation, shape: Shape, depth: number): readonly unknown[] {
  if (depth === 0) return [];
  const inside = (below: Shape): readonly unknown[] => [
    ...wrongValues(operation, below),
    ...deepWrongs(operation, below, depth - 1),
  ];
  switch (shape.kind) {
    case "structure":
      return shape.members.flatMap((m) => inside(m.shape).map((value) => ({ [m.name]: value })));
    case "list":
      return inside(shape.item.shape).map((value) => [value]);
    case "map":
      return inside(shape.value.shape).map((value) => ({ key: value }));
    default:
      return [];
  }
}

/** A value of the shape with a long text in it; undefined when the shape has none. */
function longest(shape: Shape, text: string, depth: number): unknown {
  if (depth === 0) return undefined;
  switch (shape.kind) {
    case "string":
      return text;
    case "structure": {
      const members = shape.members.flatMap((m) => {
        const value = longest(m.shape, text, depth - 1);
        return value === undefined ? [] : [[m.name, value] as const];
      });
      return members.length === 0 ? undefined : Object.fromEntries(members.slice(0, 1));
    }
    case "list": {
      const value = longest(shape.item.shape, text, depth - 1);
      return value === undefined ? undefined : [value];
    }
    case "map": {
      const value = longest(shape.value.shape, text, depth - 1);
      return value === undefined ? { [text]: "x" } : { key: value };
    }
    default:
      return undefined;
  }
}

describe("what is right in every part and too much as a whole", () => {
  const operation = (name: string) => {
    const found = operations.find((o) => o.name === name);
    if (found === undefined) throw new Error(`${name} is not built.`);
    return found;
  };
  const many = <T>(count: number, make: (i: number) => T): readonly T[] =>
    Array.from({ length: count }, (_, i) => make(i));
  const long = (octets: number) => "a".repeat(octets);
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  const resources = [
    { name: "CPU", type: "INTEGER", integerValue: 1024 },
    { name: "MEMORY", type: "INTEGER", integerValue: 1024 },
  ];

  it.each<[string, string, () => Input]>([
    [
      "placement constraints of a megabyte",
      "CreateService",
      () => ({
        cluster: "web",
        serviceName: "big",
        taskDefinition: "app",
        desiredCount: 0,
        placementConstraints: many(10, (i) => ({
          type: "memberOf",
          expression: `attribute:a == ${i}${long(90_000)}`,
        })),
      }),
    ],
    [
      "attributes by the thousand",
      "RegisterContainerInstance",
      () => ({
        cluster: "web",
        totalResources: resources,
        attributes: many(6000, (i) => ({ name: `a${i}`, value: long(100) })),
      }),
    ],
    [
      "a version of 300 KiB",
      "RegisterContainerInstance",
      () => ({ cluster: "web", totalResources: resources, versionInfo: { agentVersion: long(300_000) } }),
    ],
    [
      "reserved ports without end",
      "RegisterContainerInstance",
      () => ({
        cluster: "web",
        totalResources: [
          ...resources,
          { name: "PORTS", type: "STRINGSET", stringSetValue: many(60_000, (i) => String(i)) },
        ],
      }),
    ],
    [
      "bindings by the thousand",
      "SubmitTaskStateChange",
      () => ({
        cluster: "web",
        task: hosts[0]?.taskArn,
        status: "RUNNING",
        containers: [
          {
            containerName: "app",
            status: "RUNNING",
            networkBindings: many(9000, (i) => ({ containerPort: i, hostPort: i })),
          },
        ],
      }),
    ],
    [
      "an image digest of 300 KiB",
      "SubmitContainerStateChange",
      () => ({
        cluster: "web",
        task: hosts[0]?.taskArn,
        containerName: "app",
        status: "RUNNING",
        runtimeId: long(300_000),
      }),
    ],
    [
      "a policy of spaces",
      "PutRolePolicy",
      () => ({
        RoleName: "app",
        PolicyName: "p",
        PolicyDocument: policy.replace(/"Principal":.*?},/, "") + " ".repeat(300_000),
      }),
    ],
    [
      "a trust policy of spaces",
      "CreateRole",
      () => ({ RoleName: "spacious", AssumeRolePolicyDocument: policy + " ".repeat(300_000) }),
    ],
    [
      "instances with all the tags and user data there can be",
      "RunInstances",
      () => ({
        ImageId: "ami-0e571ba0000000001",
        InstanceType: "t3.small",
        MinCount: 40,
        MaxCount: 40,
        UserData: Buffer.alloc(16 * 1024).toString("base64"),
        TagSpecifications: [
          {
            ResourceType: "instance",
            Tags: many(50, (i) => ({ Key: `${i}${"\u4e00".repeat(120)}`, Value: "\u4e00".repeat(256) })),
          },
        ],
      }),
    ],
    [
      "a name of 300 KiB in a look-up",
      "DescribeServices",
      () => ({ cluster: long(300_000), services: [long(300_000)] }),
    ],
    [
      "targets by the thousand",
      "RegisterTargets",
      () => ({ TargetGroupArn: "arn:nothing", Targets: many(4000, (i) => ({ Id: `i-${i}` })) }),
    ],
  ])("(%s, %s) is refused", async (_what, name, input) => {
    const sent = input();
    const answer = await send(operation(name), sent);
    expect(fault(operation(name), answer, sent)).toBeUndefined();
  });

  it("(a reason of 300 KiB, SubmitTaskStateChange) is kept as far as anybody reads it", async () => {
    const report = { cluster: "web", task: hosts[0]?.taskArn, containerName: "app", reason: long(300_000) };
    expect(await send(operation("SubmitContainerStateChange"), report)).toMatchObject({ status: 200 });
    const reasons = taskRow(server, hosts[0]?.taskArn ?? "")?.containers.map((c) => c.reason?.length);
    expect(reasons).toEqual([1024]);
  });
});
