// Amazon EventBridge: buses, rules and targets as rows; controllers/events follows them. Archives, pipes, partner sources and
// global endpoints are not here and answer as unknown operations.
import type { EventBridge } from "@aws-sdk/client-eventbridge";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { EventsDependencies, EventsOperations } from "./dependencies.ts";
import { missingMember } from "./errors.ts";
import { apiDestinationOperations } from "./operations/api-destinations.ts";
import { busOperations } from "./operations/buses.ts";
import { connectionOperations } from "./operations/connections.ts";
import { eventOperations } from "./operations/events.ts";
import { ruleOperations } from "./operations/rules.ts";
import { tagOperations } from "./operations/tags.ts";
import { targetOperations } from "./operations/targets.ts";
import { eventsPermissions } from "./permissions.ts";

export function eventsOperations(deps: EventsDependencies) {
  return {
    ...ruleOperations(deps),
    ...targetOperations(deps),
    ...busOperations(deps),
    ...eventOperations(deps),
    ...connectionOperations(deps),
    ...apiDestinationOperations(deps),
    ...tagOperations(deps),
  } satisfies EventsOperations;
}

export function createEventsService(deps: EventsDependencies): ServiceDefinition {
  return {
    name: "events",
    signingName: "events",
    protocol: "awsJson1_1",
    wireName: "AWSEvents",
    loadSchemas: () => import("@aws-sdk/client-eventbridge"),
    missingMember,
    operations: eventsOperations(deps),
    permissions: eventsPermissions(deps.store) satisfies PermissionTable<
      EventBridge,
      keyof ReturnType<typeof eventsOperations>
    >,
  };
}
