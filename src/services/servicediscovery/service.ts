// AWS Cloud Map: private DNS and HTTP namespaces, their services and instances. What the names resolve to is the network's; ECS
// registers its tasks by the same rows. Public DNS namespaces and service attributes answer as unknown operations.
import type { ServiceDiscovery } from "@aws-sdk/client-servicediscovery";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "./dependencies.ts";
import { missingMember } from "./errors.ts";
import { discoverOperations } from "./operations/discover.ts";
import { healthOperations } from "./operations/health.ts";
import { instanceOperations } from "./operations/instances.ts";
import { namespaceOperations } from "./operations/namespaces.ts";
import { operationOperations } from "./operations/operations.ts";
import { serviceOperations } from "./operations/services.ts";
import { tagOperations } from "./operations/tags.ts";
import { serviceDiscoveryPermissions } from "./permissions.ts";

export function serviceDiscoveryOperations(deps: ServiceDiscoveryDependencies) {
  return {
    ...namespaceOperations(deps),
    ...serviceOperations(deps),
    ...instanceOperations(deps),
    ...healthOperations(deps),
    ...discoverOperations(deps),
    ...operationOperations(deps),
    ...tagOperations(deps),
  } satisfies ServiceDiscoveryOperations;
}

export function createServiceDiscoveryService(deps: ServiceDiscoveryDependencies): ServiceDefinition {
  return {
    name: "servicediscovery",
    signingName: "servicediscovery",
    protocol: "awsJson1_1",
    wireName: "Route53AutoNaming_v20170314",
    missingMember,
    loadSchemas: () => import("@aws-sdk/client-servicediscovery"),
    operations: serviceDiscoveryOperations(deps),
    permissions: serviceDiscoveryPermissions(deps.store) satisfies PermissionTable<
      ServiceDiscovery,
      keyof ReturnType<typeof serviceDiscoveryOperations>
    >,
  };
}
