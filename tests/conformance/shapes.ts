// What an agent may say, member by member (agent protocol, sections 2 to 4): a member that is missing, superfluous or of another
// type is a fault, named by its path.

type Check = (value: unknown, path: string) => readonly string[];
type Fields = Readonly<Record<string, unknown>>;

const is =
  (expected: string, test: (value: unknown) => boolean): Check =>
  (value, path) =>
    test(value) ? [] : [`${path} is ${JSON.stringify(value) ?? "missing"}, not ${expected}`];

const text = is("a text", (v) => typeof v === "string" && v !== "");
const anyText = is("a text", (v) => typeof v === "string");
const number = is("a number", (v) => typeof v === "number" && Number.isFinite(v));
const whole = is("a whole number", (v) => Number.isInteger(v));
const boolean = is("a boolean", (v) => typeof v === "boolean");
const uuid = is(
  "a UUID",
  (v) => typeof v === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v),
);
const arn = is("an ARN of ECS", (v) => typeof v === "string" && v.startsWith("arn:aws:ecs:"));
const only = (...values: readonly unknown[]) => is(values.join(" or "), (v) => values.includes(v));
/** Epoch seconds, at most milliseconds precise. */
const time = is("a time in seconds", (v) => typeof v === "number" && v > 1e9 && v < 1e10);
const reason = is("at most 1024 characters", (v) => typeof v === "string" && v.length <= 1024);

const listOf =
  (item: Check, atLeast = 0): Check =>
  (value, path) =>
    Array.isArray(value) && value.length >= atLeast
      ? value.flatMap((v, i) => item(v, `${path}[${i}]`))
      : [`${path} is no list of at least ${atLeast}`];

/** Names with `?` may be left out. */
const members =
  (shape: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return [`${path} is no structure`];
    const fields = value as Fields;
    const names = new Set(Object.keys(shape).map((name) => name.replace("?", "")));
    return [
      ...Object.keys(fields).flatMap((name) => (names.has(name) ? [] : [`${path}.${name} is not a member`])),
      ...Object.entries(shape).flatMap(([spelt, check]) => {
        const name = spelt.replace("?", "");
        return spelt.endsWith("?") && !Object.hasOwn(fields, name)
          ? []
          : check(fields[name], `${path}.${name}`);
      }),
    ];
  };

const resource = (name: string, type: "INTEGER" | "STRINGSET") =>
  members({
    name: only(name),
    type: only(type),
    ...(type === "INTEGER" ? { integerValue: whole } : { stringSetValue: listOf(text) }),
  });
const inOrder =
  (...checks: readonly Check[]): Check =>
  (value, path) =>
    Array.isArray(value) && value.length === checks.length
      ? checks.flatMap((check, i) => check(value[i], `${path}[${i}]`))
      : [`${path} has not ${checks.length} items`];

const container = members({
  containerName: text,
  status: only("PENDING", "RUNNING", "STOPPED"),
  "runtimeId?": text,
  "exitCode?": whole,
  "imageDigest?": is("a digest", (v) => typeof v === "string" && v.startsWith("sha256:")),
  "reason?": is("`Name: text`", (v) => typeof v === "string" && /^\w+: ./s.test(v) && v.length <= 1024),
  "networkBindings?": listOf(
    members({ bindIP: text, containerPort: whole, hostPort: whole, protocol: only("tcp", "udp") }),
    1,
  ),
});

export const CALLS: Readonly<Record<string, Check>> = {
  RegisterContainerInstance: members({
    cluster: text,
    clientToken: uuid,
    "containerInstanceArn?": arn,
    instanceIdentityDocument: anyText,
    instanceIdentityDocumentSignature: anyText,
    totalResources: inOrder(
      resource("CPU", "INTEGER"),
      resource("MEMORY", "INTEGER"),
      resource("PORTS", "STRINGSET"),
      resource("PORTS_UDP", "STRINGSET"),
    ),
    attributes: listOf(members({ name: text, "value?": text })),
    "tags?": listOf(members({ key: text, value: anyText }), 1),
  }),
  DiscoverPollEndpoint: members({ cluster: text, containerInstance: arn, zoneId: anyText }),
  SubmitTaskStateChange: members({
    cluster: text,
    task: arn,
    status: only("PENDING", "RUNNING", "STOPPED"),
    reason,
    "containers?": listOf(container, 1),
    "pullStartedAt?": time,
    "pullStoppedAt?": time,
    "executionStoppedAt?": time,
  }),
};

const taskStatus = members({ taskArn: arn, taskClusterArn: arn, desiredStatus: only("STOPPED") });

export const ACS_MESSAGES: Readonly<Record<string, Check>> = {
  AckRequest: members({ cluster: arn, containerInstance: arn, messageId: text }),
  NackRequest: members({ cluster: arn, containerInstance: arn, messageId: text, reason }),
  HeartbeatAckRequest: members({ messageId: text }),
  IAMRoleCredentialsAckRequest: members({ messageId: text, credentialsId: text, expiration: text }),
  TaskStopVerificationMessage: members({ messageId: text, stopCandidates: listOf(taskStatus, 1) }),
};

const stats = members({ min: number, max: number, sampleCount: whole, sum: number });
const counted = members({
  ...{ min: number, max: number, sampleCount: whole, sum: number },
  ...{ overflowMin: number, overflowMax: number, overflowSum: number },
});
const network = Object.fromEntries(
  ["rx", "tx"].flatMap((way) => [
    ...["Bytes", "Packets", "Dropped", "Errors"].map((what) => [`${way}${what}`, counted] as const),
    [`${way}BytesPerSecond?`, stats] as const,
  ]),
);
const ofTask = { taskArn: arn, taskDefinitionFamily: text, taskDefinitionVersion: text };
const metadata = { cluster: text, containerInstance: arn, messageId: uuid, fin: boolean };

export const TCS_MESSAGES: Readonly<Record<string, Check>> = {
  PublishMetricsRequest: members({
    metadata: members({ ...metadata, idle: boolean }),
    timestamp: time,
    "taskMetrics?": listOf(
      members({
        ...ofTask,
        containerMetrics: listOf(
          members({
            containerName: text,
            "containerArn?": arn,
            "cpuStatsSet?": stats,
            "memoryStatsSet?": stats,
            "networkStatsSet?": members(network),
            "storageStatsSet?": members({ readSizeBytes: counted, writeSizeBytes: counted }),
            "restartStatsSet?": members({ restartCount: whole }),
          }),
        ),
      }),
      1,
    ),
  }),
  PublishHealthRequest: members({
    metadata: members(metadata),
    timestamp: time,
    tasks: listOf(
      members({
        ...ofTask,
        containers: listOf(
          members({
            containerName: text,
            healthStatus: only("HEALTHY", "UNHEALTHY", "UNKNOWN"),
            "statusSince?": time,
          }),
          1,
        ),
      }),
      1,
    ),
  }),
  PublishInstanceStatusRequest: members({
    metadata: members({ cluster: text, containerInstance: arn, requestId: uuid }),
    timestamp: time,
    statuses: listOf(
      members({
        type: only("ContainerRuntime"),
        status: only("OK", "IMPAIRED", "INSUFFICIENT_DATA", "INITIALIZING"),
        lastUpdated: time,
        lastStatusChange: time,
      }),
      1,
    ),
  }),
};

/** What is wrong with a message; empty when nothing is. */
export function faultsOf(
  shapes: Readonly<Record<string, Check>>,
  type: string,
  value: unknown,
): readonly string[] {
  const check = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  return check === undefined ? [`${type} is nothing that an agent says`] : check(value, type);
}
