// A target as PutTargets gives it, checked: a log group, an ECS cluster in which a task is run, an API destination. Every other
// kind is refused by its name.
import type { EcsParameters, InputTransformer, Target } from "@aws-sdk/client-eventbridge";
import { parseArn } from "#lib/arn.ts";
import { readPath } from "#domain/events/input.ts";
import {
  DEFAULT_RETRY,
  type EcsTarget,
  type HttpTarget,
  type RetryPolicy,
  type TargetInput,
  type TargetRow,
} from "#domain/events/rule.ts";
import type { CallScope } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { apiDestinations } from "#store/tables/events.ts";
import { checkLength, checkName, checkRange, honourOnly, readTags } from "./constraints.ts";
import { notFound, notImplemented, validationError } from "./errors.ts";

/** Of the target's list of variables (EventBridge API reference, InputTransformer). */
const MOST_PATHS = 100;

/** @throws ValidationException, ResourceNotFoundException */
export function readTarget(reader: Reader, scope: CallScope, given: Target): TargetRow {
  const arn = checkLength(given.Arn ?? "", "targets.member.arn", 1, 1600);
  const kind = kindOf(scope, arn);
  honourOnly(given, HONOURED[kind], "Targets.");
  const { RoleArn: roleArn } = given;
  if (kind !== "logs" && roleArn === undefined)
    throw validationError(`RoleArn is required for target ${arn}.`);
  if (roleArn !== undefined && !/^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.test(roleArn))
    throw validationError(`Provided role '${roleArn.slice(0, 256)}' is not a valid role ARN.`);
  if (kind === "events" && reader.find(apiDestinations, "arn", arn).length === 0)
    throw notFound(`ApiDestination ${arn}`);
  const input = readInput(given);
  return {
    id: checkName(given.Id, "targets.member.id"),
    arn,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(input === undefined ? {} : { input }),
    ...(kind === "ecs" ? { ecs: readEcs(given.EcsParameters) } : {}),
    ...(kind === "events" ? { http: readHttp(given.HttpParameters) } : {}),
    retry: readRetry(given.RetryPolicy),
  };
}

type Kind = "logs" | "ecs" | "events";
const COMMON = ["Id", "Arn", "Input", "InputPath", "InputTransformer", "RetryPolicy"] as const;
const HONOURED: Readonly<Record<Kind, readonly (keyof Target)[]>> = {
  logs: COMMON,
  ecs: [...COMMON, "RoleArn", "EcsParameters"],
  events: [...COMMON, "RoleArn", "HttpParameters"],
};
const RESOURCES: Readonly<Record<Kind, RegExp>> = {
  logs: /^log-group:[.\-_/#A-Za-z0-9]{1,512}(:\*)?$/,
  ecs: /^cluster\/[\w-]{1,255}$/,
  events: /^api-destination\/[.\-_A-Za-z0-9]{1,64}\/[0-9a-f-]{36}$/,
};

function kindOf({ region, account }: CallScope, text: string): Kind {
  const arn = parseArn(text);
  if (arn === undefined)
    throw validationError("Parameter Arn is not valid. Reason: Provided Arn is not in correct format.");
  const { service, resource } = arn;
  const kind = service === "logs" || service === "ecs" || service === "events" ? service : undefined;
  if (kind === undefined) throw notImplemented(`A target of the service ${service.slice(0, 64)}`);
  if (kind === "events" && resource.startsWith("event-bus/"))
    throw notImplemented("An event bus as a target");
  if (!RESOURCES[kind].test(resource))
    throw validationError("Parameter Arn is not valid. Reason: Provided Arn is not in correct format.");
  if (arn.region !== region || arn.account !== account)
    throw notImplemented("A target in another account or region");
  return kind;
}

function readInput({
  Input: text,
  InputPath: path,
  InputTransformer: transformer,
}: Target): TargetInput | undefined {
  if ([text, path, transformer].filter((one) => one !== undefined).length > 1)
    throw validationError("Only one of Input, InputPath, or InputTransformer must be provided.");
  if (text !== undefined)
    return { kind: "constant", text: checkJson(checkLength(text, "targets.member.input", 0, 8192)) };
  if (path !== undefined) return { kind: "path", path: checkPath(path) };
  return transformer === undefined ? undefined : readTransformer(transformer);
}

function checkJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw validationError("JSON syntax error in input for target.");
  }
}

function checkPath(path: string): string {
  if (readPath(checkLength(path, "targets.member.inputPath", 0, 256)) === undefined)
    throw validationError(`Parameter InputPath is not valid: ${path}`);
  return path;
}

function readTransformer({
  InputPathsMap: map = {},
  InputTemplate: template,
}: InputTransformer): TargetInput {
  const paths = Object.entries(map);
  if (paths.length > MOST_PATHS)
    throw validationError(`InputPathsMap can have at most ${MOST_PATHS} entries.`);
  for (const [name, path] of paths) {
    if (!/^[A-Za-z0-9_-]{1,256}$/.test(name) || name.startsWith("AWS"))
      throw validationError(`Invalid key in InputPathsMap: ${name.slice(0, 256)}`);
    checkPath(path);
  }
  return {
    kind: "transformer",
    paths: Object.fromEntries(paths),
    template: checkLength(template ?? "", "targets.member.inputTransformer.inputTemplate", 1, 8192),
  };
}

function readEcs(given: EcsParameters | undefined): EcsTarget {
  if (given === undefined) throw validationError("Parameter EcsParameters must be provided for ECS targets.");
  honourOnly(given, ECS_MEMBERS, "Targets.EcsParameters.");
  const { TaskDefinitionArn: taskDefinitionArn = "", NetworkConfiguration: network } = given;
  const arn = parseArn(taskDefinitionArn);
  if (arn?.service !== "ecs" || !arn.resource.startsWith("task-definition/"))
    throw validationError("Parameter TaskDefinitionArn is not valid.");
  if (given.PropagateTags !== undefined && given.PropagateTags !== "TASK_DEFINITION")
    throw validationError("Invalid value for PropagateTags.");
  const { awsvpcConfiguration: vpc } = network ?? {};
  return JSON.parse(
    JSON.stringify({
      taskDefinitionArn,
      taskCount: checkRange(given.TaskCount ?? 1, "targets.member.ecsParameters.taskCount", 1, 10),
      launchType: given.LaunchType,
      group: given.Group,
      network:
        vpc === undefined
          ? undefined
          : {
              subnets: vpc.Subnets ?? [],
              securityGroups: vpc.SecurityGroups,
              assignPublicIp: vpc.AssignPublicIp,
            },
      placementConstraints: given.PlacementConstraints,
      placementStrategy: given.PlacementStrategy,
      enableEcsManagedTags: given.EnableECSManagedTags,
      propagateTags: given.PropagateTags,
      tags: Object.entries(readTags(given.Tags)).map(([key, value]) => ({ key, value })),
    }),
  ) as EcsTarget;
}

const ECS_MEMBERS = [
  "TaskDefinitionArn",
  "TaskCount",
  "LaunchType",
  "NetworkConfiguration",
  "Group",
  "EnableECSManagedTags",
  "PlacementConstraints",
  "PlacementStrategy",
  "PropagateTags",
  "Tags",
] as const satisfies readonly (keyof EcsParameters)[];

function readHttp(given: Target["HttpParameters"]): HttpTarget {
  const {
    PathParameterValues: pathValues = [],
    HeaderParameters: headers = {},
    QueryStringParameters: query = {},
  } = given ?? {};
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value);
  return { pathValues, headers, query };
}

/** @throws ValidationException for what cannot be a header */
export function checkHeader(name: string, value: string): void {
  checkLength(name, "headerParameters.key", 1, 512);
  if (!/^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/.test(name) || !/^[\t\x20-\x7e]{0,512}$/.test(value))
    throw validationError(`The header ${name.slice(0, 128).replace(/[^\x20-\x7e]/g, "?")} is not valid.`);
  if (FORBIDDEN_HEADERS.has(name.toLowerCase()) || /^x-amzn?-/i.test(name))
    throw validationError(`The header ${name} cannot be set.`);
}

/** EventBridge User Guide, "API destinations": headers that EventBridge keeps for itself. */
const FORBIDDEN_HEADERS = new Set([
  "a-im",
  "accept-charset",
  "accept-datetime",
  "accept-encoding",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-md5",
  "date",
  "expect",
  "forwarded",
  "from",
  "host",
  "http2-settings",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "origin",
  "pragma",
  "proxy-authorization",
  "range",
  "referer",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "warning",
]);

function readRetry(given: Target["RetryPolicy"]): RetryPolicy {
  const { MaximumRetryAttempts: attempts, MaximumEventAgeInSeconds: age } = given ?? {};
  return {
    attempts: checkRange(
      attempts ?? DEFAULT_RETRY.attempts,
      "targets.member.retryPolicy.maximumRetryAttempts",
      0,
      185,
    ),
    maximumAgeSeconds: checkRange(
      age ?? DEFAULT_RETRY.maximumAgeSeconds,
      "targets.member.retryPolicy.maximumEventAgeInSeconds",
      60,
      86_400,
    ),
  };
}
