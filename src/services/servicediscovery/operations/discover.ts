// DiscoverInstances: instances by names instead of ids. AWS's SDKs put `data-` before the endpoint's host for these two calls; the
// gateway answers under whatever name it is called by.
import type { HealthStatusFilter } from "@aws-sdk/client-servicediscovery";
import { ServiceError } from "#lib/errors.ts";
import type { DiscoveryInstanceRow } from "#domain/servicediscovery/records.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { inRange, lengthWithin, oneOf } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { instancesOf, serviceByName } from "../lookup.ts";
import { shownHealth } from "./health.ts";

interface Named {
  readonly NamespaceName?: string | undefined;
  readonly ServiceName?: string | undefined;
  readonly OwnerAccount?: string | undefined;
}

export function discoverOperations({ store }: ServiceDiscoveryDependencies) {
  const find = (input: Named, context: RequestContext) => {
    const namespaceName = lengthWithin(input.NamespaceName ?? "", "namespaceName", 1, 1024);
    const serviceName = lengthWithin(input.ServiceName ?? "", "serviceName", 1, 1024);
    if (input.OwnerAccount !== undefined && input.OwnerAccount !== context.account)
      throw new ServiceError(
        "NamespaceNotFound",
        "No namespaces of other accounts are shared with this one.",
      );
    return serviceByName(store, context, namespaceName, serviceName);
  };

  return {
    DiscoverInstances(input, context) {
      const most = inRange(input.MaxResults ?? 100, "maxResults", 1, 1000);
      const status = oneOf<HealthStatusFilter>(input.HealthStatus ?? "HEALTHY_OR_ELSE_ALL", "healthStatus", [
        "HEALTHY",
        "UNHEALTHY",
        "ALL",
        "HEALTHY_OR_ELSE_ALL",
      ]);
      const { namespace, service } = find(input, context);
      const matching = instancesOf(store, service).filter((row) => hasAll(row, input.QueryParameters));
      const preferred = matching.filter((row) => hasAll(row, input.OptionalParameters));
      const asked = preferred.length === 0 ? matching : preferred;
      const found = service.customHealth ? ofHealth(asked, status) : asked;
      return {
        Instances: found.slice(0, most).map((row) => ({
          InstanceId: row.id,
          NamespaceName: namespace.httpName,
          ServiceName: service.name,
          HealthStatus: shownHealth(service, row),
          Attributes: { ...row.attributes },
        })),
        InstancesRevision: service.revision,
      };
    },

    DiscoverInstancesRevision: (input, context) => ({
      InstancesRevision: find(input, context).service.revision,
    }),
  } satisfies ServiceDiscoveryOperations;
}

const hasAll = (row: DiscoveryInstanceRow, wanted: Readonly<Record<string, string>> = {}): boolean =>
  Object.entries(wanted).every(([name, value]) => row.attributes[name] === value);

function ofHealth(rows: readonly DiscoveryInstanceRow[], status: HealthStatusFilter) {
  if (status === "ALL") return rows;
  const healthy = rows.filter(({ health }) => health === "HEALTHY");
  if (status === "HEALTHY") return healthy;
  if (status === "UNHEALTHY") return rows.filter(({ health }) => health === "UNHEALTHY");
  return healthy.length === 0 ? rows : healthy;
}
