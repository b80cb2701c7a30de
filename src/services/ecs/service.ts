// Amazon ECS: clusters, definitions, instances, tasks and services as rows; controllers and agents follow them by watch.
// What is not here answers as an unknown operation.
import type { ECS } from "@aws-sdk/client-ecs";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { EcsDependencies, EcsOperations } from "./dependencies.ts";
import { accountSettingOperations } from "./operations/account-settings.ts";
import { agentOperations } from "./operations/agent.ts";
import { attributeOperations } from "./operations/attributes.ts";
import { capacityProviderOperations } from "./operations/capacity-providers.ts";
import { clusterOperations } from "./operations/clusters.ts";
import { containerInstanceOperations } from "./operations/container-instances.ts";
import { registrationOperations } from "./operations/registration.ts";
import { tagOperations } from "./operations/tags.ts";
import { taskDefinitionOperations } from "./operations/task-definitions.ts";
import { serviceDeploymentOperations } from "./operations/service-deployments.ts";
import { serviceOperations } from "./operations/services.ts";
import { taskProtectionOperations } from "./operations/task-protection.ts";
import { taskOperations } from "./operations/tasks.ts";
import { ecsPermissions } from "./permissions.ts";

export function ecsOperations(deps: EcsDependencies) {
  return {
    ...clusterOperations(deps),
    ...capacityProviderOperations(deps),
    ...taskDefinitionOperations(deps),
    ...registrationOperations(deps),
    ...containerInstanceOperations(deps),
    ...agentOperations(deps),
    ...attributeOperations(deps),
    ...tagOperations(deps),
    ...accountSettingOperations(),
    ...taskOperations(deps),
    ...taskProtectionOperations(deps),
    ...serviceOperations(deps),
    ...serviceDeploymentOperations(deps),
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
    permissions: ecsPermissions(deps.store) satisfies PermissionTable<
      ECS,
      keyof ReturnType<typeof ecsOperations>
    >,
  };
}
