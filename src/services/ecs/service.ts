// Amazon ECS: clusters, definitions, instances, tasks and services as rows; controllers and agents follow them by watch.
// What is not here answers as an unknown operation.
import type { ServiceDefinition } from "#gateway/service-definition.ts";
import type { EcsDependencies, EcsOperations } from "./dependencies.ts";
import { clusterOperations } from "./operations/clusters.ts";
import { taskDefinitionOperations } from "./operations/task-definitions.ts";

export function ecsOperations(deps: EcsDependencies) {
  return {
    ...clusterOperations(deps),
    ...taskDefinitionOperations(deps),
  } satisfies EcsOperations;
}

export function createEcsService(deps: EcsDependencies): ServiceDefinition {
  return {
    name: "ecs",
    signingName: "ecs",
    protocol: "awsJson1_1",
    wireName: "AmazonEC2ContainerServiceV20141113",
    loadSchemas: () => import("@aws-sdk/client-ecs"),
    // The container agent sends it; the public model does not have it.
    privateMembers: { RegisterContainerInstance: ["clientToken"] },
    operations: ecsOperations(deps),
  };
}
