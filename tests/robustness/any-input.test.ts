// Inputs that nobody would think of, over rows that are there: values of the right type and every wrong meaning, and good requests
// with one thing changed. Whatever comes of it, no answer is a fault of ours, no controller stumbles, everything can still be
// described, and another server starts over what was stored.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import type { Member, Shape } from "#gateway/shape.ts";
import {
  builtOperations,
  encoded,
  leastInput,
  type BuiltOperation,
  type Input,
} from "#tests/support/operation-inputs.ts";
import { fault } from "#tests/support/refusal-form.ts";
import { call, type Signer } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { startTwoHosts, type Host } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let root: Signer;
let operations: readonly BuiltOperation[];
/** Names of what is there, by the kind of member that takes them. */
let names: readonly (readonly [RegExp, readonly string[]])[];
let templates: Readonly<Record<string, Input>>;

const ACCOUNT = "arn:aws:ecs:us-east-1:000000000000:";

beforeAll(async () => {
  server = await startSimulatedServer();
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
  const hosts = await startTwoHosts(server);
  const place = await stack.findPlace(server.clients);
  const balancer = await stack.createLoadBalancer(server.clients, place);
  operations = await builtOperations();
  names = namesOf(hosts, place, balancer);
  templates = templatesOf(hosts[0], place, balancer);
}, 30_000);
afterAll(() => server.close());

function namesOf(hosts: readonly Host[], place: stack.Place, balancer: stack.LoadBalancer): typeof names {
  const tasks = hosts.map((h) => h.taskArn);
  const containerInstances = hosts.map((h) => h.containerInstanceArn);
  const instances = hosts.map((h) => h.instanceId);
  return [
    [/^cluster/i, ["web", `${ACCOUNT}cluster/web`, "default"]],
    [/^services?(Name)?$/, ["spread", "web", `${ACCOUNT}service/web/spread`]],
    [/^tasks?$/, tasks],
    [/^containerInstance|^targetId/, containerInstances],
    [/^taskDefinition|family/i, ["app", "app:1", `${ACCOUNT}task-definition/app:1`]],
    [
      /^resourceArn/i,
      [
        ...tasks,
        ...containerInstances,
        `${ACCOUNT}service/web/spread`,
        balancer.targetGroupArn,
        balancer.arn,
      ],
    ],
    [/^InstanceIds?$|^Id$|^Resources$/, [...instances, place.vpcId, "10.64.0.9"]],
    [/^TargetGroupArns?$/i, [balancer.targetGroupArn]],
    [/^LoadBalancerArns?$/i, [balancer.arn]],
    [/^VpcIds?$/, [place.vpcId]],
    [/^Subnet/i, place.subnets.map((s) => s.id)],
    [/^(Role|InstanceProfile)Names?$|^(task|execution)RoleArn$/, ["app", "ecsInstanceRole"]],
    [/^containerName$|^name$/, ["app", "ecs.os-type", "x"]],
    [/^status$|desiredStatus/i, ["ACTIVE", "DRAINING", "RUNNING", "STOPPED", "INACTIVE"]],
    [/^type$/i, ["memberOf", "spread", "binpack", "random", "forward", "redirect", "fixed-response", "ECS"]],
    [/^(expression|filter)$/, ["attribute:ecs.os-type == linux", "task:group == service:spread", "not("]],
    [/^field$/, ["cpu", "instanceId", "attribute:ecs.availability-zone"]],
    [/^launchType$|requiresCompatibilities/, ["EC2", "EXTERNAL", "FARGATE"]],
    [/^image$/, ["app:1"]],
  ];
}

/** Requests that would be taken as they are. */
function templatesOf(host: Host, place: stack.Place, balancer: stack.LoadBalancer): typeof templates {
  return {
    RegisterTaskDefinition: {
      family: "changed",
      networkMode: "bridge",
      cpu: "256",
      memory: "0.5GB",
      volumes: [{ name: "data", host: {} }],
      placementConstraints: [{ type: "memberOf", expression: "attribute:ecs.os-type == linux" }],
      tags: [{ key: "a", value: "b" }],
      containerDefinitions: [
        {
          name: "app",
          image: "app:1",
          cpu: 10,
          memory: 64,
          memoryReservation: 32,
          essential: true,
          command: ["sleep", "60"],
          entryPoint: ["sh"],
          environment: [{ name: "A", value: "b" }],
          portMappings: [{ containerPort: 80, hostPort: 0, protocol: "tcp" }],
          mountPoints: [{ sourceVolume: "data", containerPath: "/data", readOnly: true }],
          dockerLabels: { a: "b" },
          ulimits: [{ name: "nofile", softLimit: 10, hardLimit: 20 }],
          healthCheck: { command: ["CMD", "true"], interval: 5, retries: 1 },
          linuxParameters: { initProcessEnabled: true, capabilities: { add: ["NET_ADMIN"] } },
          logConfiguration: { logDriver: "json-file", options: { a: "b" } },
          stopTimeout: 5,
        },
        {
          name: "side",
          image: "side:1",
          memory: 8,
          essential: false,
          dependsOn: [{ containerName: "app", condition: "START" }],
          links: ["app"],
        },
      ],
    },
    CreateService: {
      cluster: "web",
      serviceName: "changed",
      taskDefinition: "app",
      desiredCount: 1,
      deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 200 },
      placementConstraints: [{ type: "distinctInstance" }],
      placementStrategy: [{ type: "spread", field: "instanceId" }],
      tags: [{ key: "a", value: "b" }],
      propagateTags: "SERVICE",
    },
    UpdateService: {
      cluster: "web",
      service: "spread",
      desiredCount: 2,
      taskDefinition: "app",
      forceNewDeployment: true,
      deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 },
    },
    RunTask: {
      cluster: "web",
      taskDefinition: "app",
      count: 1,
      group: "mine",
      startedBy: "me",
      clientToken: "a-token",
      overrides: {
        cpu: "128",
        containerOverrides: [
          { name: "app", command: ["x"], environment: [{ name: "A", value: "b" }], memory: 64 },
        ],
      },
      placementStrategy: [{ type: "binpack", field: "memory" }],
      tags: [{ key: "a", value: "b" }],
    },
    StartTask: { cluster: "web", taskDefinition: "app", containerInstances: [host.containerInstanceArn] },
    RegisterContainerInstance: {
      cluster: "web",
      totalResources: [
        { name: "CPU", type: "INTEGER", integerValue: 1024 },
        { name: "MEMORY", type: "INTEGER", integerValue: 1024 },
        { name: "PORTS", type: "STRINGSET", stringSetValue: ["22"] },
      ],
      versionInfo: { agentVersion: "1.0.0", agentHash: "abc", dockerVersion: "20" },
      attributes: [{ name: "ecs.os-type", value: "linux" }, { name: "mine" }],
      tags: [{ key: "a", value: "b" }],
      clientToken: "another",
    },
    SubmitTaskStateChange: {
      cluster: "web",
      task: host.taskArn,
      status: "RUNNING",
      pullStartedAt: 1_700_000_000,
      executionStoppedAt: 1_700_000_000,
      containers: [
        {
          containerName: "app",
          status: "RUNNING",
          exitCode: 0,
          runtimeId: "abc",
          imageDigest: "sha256:abc",
          networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" }],
        },
      ],
    },
    PutAttributes: {
      cluster: "web",
      attributes: [{ name: "a", value: "b", targetId: host.containerInstanceArn }],
    },
    CreateCluster: {
      clusterName: "changed",
      settings: [{ name: "containerInsights", value: "disabled" }],
      tags: [{ key: "a", value: "b" }],
    },
    CreateTargetGroup: {
      Name: "changed",
      Protocol: "HTTP",
      Port: 80,
      VpcId: place.vpcId,
      TargetType: "ip",
      HealthCheckPath: "/health?x=1",
      HealthCheckIntervalSeconds: 10,
      HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 2,
      Matcher: { HttpCode: "200-299,301" },
      Tags: [{ Key: "a", Value: "b" }],
    },
    ModifyTargetGroup: {
      TargetGroupArn: balancer.targetGroupArn,
      HealthCheckPort: "traffic-port",
      Matcher: { HttpCode: "200" },
    },
    ModifyTargetGroupAttributes: {
      TargetGroupArn: balancer.targetGroupArn,
      Attributes: [{ Key: "deregistration_delay.timeout_seconds", Value: "10" }],
    },
    ModifyLoadBalancerAttributes: {
      LoadBalancerArn: balancer.arn,
      Attributes: [{ Key: "idle_timeout.timeout_seconds", Value: "10" }],
    },
    CreateLoadBalancer: {
      Name: "changed",
      Subnets: place.subnets.slice(0, 2).map((s) => s.id),
      Type: "application",
    },
    CreateListener: {
      LoadBalancerArn: balancer.arn,
      Protocol: "HTTP",
      Port: 8081,
      DefaultActions: [
        {
          Type: "fixed-response",
          FixedResponseConfig: { StatusCode: "404", ContentType: "text/plain", MessageBody: "x" },
        },
      ],
    },
    RegisterTargets: {
      TargetGroupArn: balancer.targetGroupArn,
      Targets: [{ Id: host.instanceId, Port: 8080 }],
    },
    CreateRole: {
      RoleName: "changed",
      Path: "/a/",
      AssumeRolePolicyDocument:
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
      Description: "d",
      MaxSessionDuration: 3600,
      Tags: [{ Key: "a", Value: "b" }],
    },
    PutRolePolicy: {
      RoleName: "app",
      PolicyName: "p",
      PolicyDocument:
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
    },
    DescribeInstances: { Filters: [{ Name: "instance-state-name", Values: ["run*"] }], MaxResults: 5 },
    CreateTags: { Resources: [host.instanceId], Tags: [{ Key: "a", Value: "b" }] },
    RunInstances: {
      ImageId: "ami-00000000000000000",
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      UserData: "YQ==",
    },
  };
}

const STRANGE = [
  "",
  " ",
  "\u0000",
  "a\r\nb",
  "\ud83d\udca5",
  "\ud800",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "a".repeat(3000),
  "*",
  "[a-z]+(",
  "${jndi:x}",
  "%00%ff",
  "<a>&\"'",
  ACCOUNT,
  "arn:",
  "-1",
  "1e99",
  "NaN",
];
const NUMBERS = [-1, 0, 1, 2, 80, 65_535, 65_536, 2 ** 31, 2 ** 53, 1e300, -1e300, 0.5];

const strange = fc.constantFrom(...STRANGE);
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.integer());

function text(name: string): fc.Arbitrary<string> {
  const known = names.find(([pattern]) => pattern.test(name))?.[1] ?? ["nothing"];
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: strange },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  );
}

function any(shape: Shape, name: string, depth: number): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "structure":
      return members(shape.members, depth);
    case "list":
      return fc.array(any(shape.item.shape, name, depth - 1), { maxLength: 3 });
    case "map":
      return fc.dictionary(strange, any(shape.value.shape, name, depth - 1), { maxKeys: 3 });
    case "string":
    case "document":
      return text(name);
    case "boolean":
      return fc.boolean();
    case "number":
      return number;
    case "timestamp":
      return fc.constantFrom(0, -1, 1_700_000_000, 8.64e12, 8.65e15);
    case "blob":
      return fc.constantFrom("", "YQ==", "AAAA");
  }
}

function members(of: readonly Member[], depth: number): fc.Arbitrary<Input> {
  if (depth <= 0) return fc.constant({});
  const often = of.filter((m) => m.required);
  const seldom = of.filter((m) => !m.required);
  const make = (list: readonly Member[]) =>
    Object.fromEntries(list.map((m) => [m.name, any(m.shape, m.name, depth - 1)]));
  return fc
    .tuple(
      fc.record(make(often)),
      fc
        .subarray(seldom, { maxLength: Math.min(4, seldom.length) })
        .chain((chosen) => fc.record(make(chosen))),
    )
    .map(([a, b]) => ({ ...a, ...b }));
}

type Path = readonly (string | number)[];
const pathsOf = (value: unknown, at: Path = []): readonly Path[] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, item]) => {
        const path = [...at, Array.isArray(value) ? Number(key) : key];
        return [path, ...pathsOf(item, path)];
      })
    : [];

/** The value with what stands at `path` replaced; undefined takes it out, and a list's item is doubled by `twice`. */
function changed(value: unknown, [step, ...rest]: Path, to: unknown): unknown {
  if (step === undefined) return to;
  if (Array.isArray(value)) {
    const items = value as unknown[];
    if (to === "twice" && rest.length === 0) return [...items, items[Number(step)]];
    return items.flatMap((item, i) =>
      i === step ? (to === undefined && rest.length === 0 ? [] : [changed(item, rest, to)]) : [item],
    );
  }
  const { [step]: item, ...others } = value as Record<string, unknown>;
  const next = changed(item, rest, to);
  return next === undefined ? others : { ...others, [step]: next };
}

const anything = fc.oneof(
  { weight: 4, arbitrary: strange },
  { weight: 4, arbitrary: number },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(undefined, "twice", true, false, [], {}, null, "NaN", "Infinity"),
  },
);

const send = async (operation: BuiltOperation, input: Input) => {
  const answer = await call(operation.service, operation.name, encoded(operation, input), root);
  return answer.status === 200 ? undefined : fault(operation, answer, input);
};
/** Faults that were logged, with what they say. */
const faultsLogged = () =>
  server.log
    .filter((line) => line.level === "error")
    .map((line) => [line.message, String(line.fields["error"])]);

it("is given good requests to begin with", async () => {
  const refused: string[] = [];
  for (const operation of operations) {
    const template = templates[operation.name];
    if (template === undefined) continue;
    const answer = await call(operation.service, operation.name, encoded(operation, template), root);
    if (answer.status !== 200) refused.push(`${operation.name}: ${answer.code}: ${answer.message}`);
  }
  // It names no image, so that no test makes forty hosts.
  expect(refused).toEqual([expect.stringMatching(/^RunInstances: InvalidAMIID.NotFound: /)]);
});

it("answers a good request with one thing changed, whatever it is", { timeout: 30_000 }, async () => {
  const cases = operations.flatMap((operation) => {
    const template = templates[operation.name];
    return template === undefined ? [] : pathsOf(template).map((path) => ({ operation, template, path }));
  });
  expect(new Set(cases.map((c) => c.operation.name)).size).toBeGreaterThanOrEqual(
    Object.keys(templates).length - 1,
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...cases), anything, async ({ operation, template, path }, value) => {
      expect(await send(operation, changed(template, path, value) as Input)).toBeUndefined();
      expect(faultsLogged()).toEqual([]);
    }),
    { numRuns: 1500, interruptAfterTimeLimit: 5_000, endOnFailure: true },
  );
});

/** What ends others' things comes last: what is gone cannot be asked for in a strange way any more. */
const ends = (operation: BuiltOperation) => /^(Delete|Terminate|Deregister|Remove)/.test(operation.name);

it.each([
  ["makes, changes or tells", 800, (o: BuiltOperation) => !ends(o)],
  ["ends something", 200, ends],
])(
  "answers any input of the right types to what %s with a refusal or with what was asked",
  { timeout: 30_000 },
  async (_what, numRuns, chosen) => {
    const any = fc
      .constantFrom(...operations.filter(chosen))
      .chain((o) => fc.tuple(fc.constant(o), members(o.input.members, 5)));
    await fc.assert(
      fc.asyncProperty(any, async ([operation, input]) => {
        expect(await send(operation, input)).toBeUndefined();
        expect(faultsLogged()).toEqual([]);
      }),
      { numRuns, interruptAfterTimeLimit: 4_000, endOnFailure: true },
    );
  },
);

it("can describe all that came of it, also after a restart", { timeout: 30_000 }, async () => {
  const look = async () => {
    const found: object[] = [];
    for (const operation of operations.filter((o) => /^(Describe|List|Get)/.test(o.name))) {
      const one = await send(operation, leastInput(operation));
      if (one !== undefined) found.push(one);
    }
    return found;
  };
  expect(await look()).toEqual([]);
  const { dataDirectory } = server;
  await server.close({ keep: true });
  expect(faultsLogged()).toEqual([]);
  server = await startSimulatedServer({ dataDirectory });
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
  expect(await look()).toEqual([]);
  expect(faultsLogged()).toEqual([]);
});
