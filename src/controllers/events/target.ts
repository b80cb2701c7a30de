// Brings one event to one target: a log group, an ECS task, or an API destination. PutTargets lets no other kind in.
import { parseArn } from "#lib/arn.ts";
import type { Clock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { Json } from "#domain/events/json.ts";
import { inputFor } from "#domain/events/input.ts";
import { eventTime } from "#domain/events/delivery.ts";
import type { LogDelivery } from "#domain/ports/log-delivery.ts";
import type { RoleCalls, RoleSession } from "#domain/ports/role-calls.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { Reader } from "#store/store.ts";
import { type Attempt, type Deliverer, DeliveryFailed } from "./deliver.ts";
import { type HttpCaller, invoke } from "./http-target.ts";
import { createPace } from "./pace.ts";

export interface TargetParts {
  readonly store: Reader;
  readonly clock: Clock;
  readonly roleCalls: RoleCalls;
  readonly logs: LogDelivery;
  readonly sealer: Sealer;
  readonly callHttp: HttpCaller;
}

export function createDeliverer(parts: TargetParts): Deliverer {
  const { store, clock, roleCalls, logs, sealer, callHttp } = parts;
  const pace = createPace(clock);
  return async (attempt) => {
    const { rule, target, stored } = attempt;
    const text = inputFor(target.input, stored.event, rule, eventTime(stored.acceptedAt));
    const arn = parseArn(target.arn);
    switch (arn?.service) {
      case "logs":
        return toLogs(logs, attempt, arn.resource, text);
      case "ecs":
        return runTask(roleCalls, attempt, text);
      case "events":
        return judged(async () => {
          roleCalls.judge(sessionOf(attempt), "events:InvokeApiDestination", target.arn);
          await invoke({ store, sealer, callHttp, pace }, attempt, text);
        });
      default:
        throw new DeliveryFailed(`${target.arn} is no target`, { mayRetry: false });
    }
  };
}

async function toLogs(
  logs: LogDelivery,
  { rule, target, stored }: Attempt,
  resource: string,
  text: string,
): Promise<void> {
  const groupName = resource.replace(/^log-group:/, "").replace(/:\*$/, "");
  const entry = logEntry(text, stored.acceptedAt);
  const isKept = await logs.deliver({
    region: rule.region,
    account: rule.account,
    groupName,
    streamName: `${rule.name}/${target.id}`,
    ...entry,
  });
  if (!isKept) throw new DeliveryFailed(`There is no log group ${groupName}`);
}

/** A transformer may say `{"timestamp": …, "message": …}`; else the message is the whole text. */
function logEntry(text: string, now: number): { readonly timestamp: number; readonly message: string } {
  try {
    const { timestamp, message } = JSON.parse(text) as { timestamp?: Json; message?: Json };
    if (typeof timestamp === "number" && typeof message === "string") return { timestamp, message };
  } catch {
    // Text is logged as it is.
  }
  return { timestamp: now, message: text };
}

/** The target's Input is RunTask's `overrides` (EventBridge User Guide, "Amazon ECS task targets"). */
async function runTask(roleCalls: RoleCalls, attempt: Attempt, text: string): Promise<void> {
  const { target, rule } = attempt;
  const { ecs } = target;
  if (ecs === undefined) throw new DeliveryFailed("The target has no EcsParameters", { mayRetry: false });
  const { network } = ecs;
  const answer = await judged(() =>
    roleCalls.call(sessionOf(attempt), "ecs", "RunTask", {
      cluster: target.arn,
      taskDefinition: ecs.taskDefinitionArn,
      count: ecs.taskCount,
      startedBy: `events-rule/${rule.name}`.slice(0, LONGEST_STARTED_BY),
      launchType: ecs.launchType,
      group: ecs.group,
      ...(network === undefined
        ? {}
        : {
            networkConfiguration: {
              awsvpcConfiguration: {
                subnets: [...network.subnets],
                securityGroups: network.securityGroups,
                assignPublicIp: network.assignPublicIp,
              },
            },
          }),
      placementConstraints: ecs.placementConstraints,
      placementStrategy: ecs.placementStrategy,
      enableECSManagedTags: ecs.enableEcsManagedTags,
      propagateTags: ecs.propagateTags,
      tags: ecs.tags,
      overrides: target.input === undefined ? undefined : overridesIn(text),
    }),
  );
  const { tasks = [], failures = [] } = answer as { tasks?: unknown[]; failures?: { reason?: string }[] };
  // Some run already: another attempt would start those again.
  if (tasks.length === 0 && failures.length > 0)
    throw new DeliveryFailed(`RunTask placed nothing: ${failures.map(({ reason }) => reason).join(", ")}`);
}

const LONGEST_STARTED_BY = 128;

function overridesIn(text: string): object {
  try {
    const value = JSON.parse(text) as Json;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The same refusal as for JSON of another kind.
  }
  throw new DeliveryFailed("The target's input is no TaskOverride", { mayRetry: false });
}

const sessionOf = ({ rule, target, stored }: Attempt): RoleSession => ({
  roleArn: target.roleArn ?? "",
  service: "events.amazonaws.com",
  sourceArn: rule.arn,
  sessionName: stored.event.id.replaceAll("-", ""),
  region: rule.region,
});

/** EventBridge tries again what may pass, throttling and faults of a service, and not what was refused. */
async function judged<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const mayRetry = error.statusCode >= 500 || /Throttl|LimitExceeded/.test(error.code);
    throw new DeliveryFailed(`${error.code}: ${error.message}`, { mayRetry });
  }
}
