// How instances are: as whoever watches them says, from that moment on (AWS lets some 30 seconds pass before it changes anything).
import type { HealthStatus } from "@aws-sdk/client-servicediscovery";
import { ServiceError } from "#lib/errors.ts";
import {
  discoveryKey,
  instanceKey,
  withInstanceHealth,
  type DiscoveryInstanceRow,
  type DiscoveryServiceRow,
} from "#domain/servicediscovery/records.ts";
import { instances, services } from "#store/tables/servicediscovery.ts";
import { oneOf } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { invalidInput } from "../errors.ts";
import { instanceOf, instancesOf, serviceOf } from "../lookup.ts";
import { page } from "../paging.ts";

export function healthOperations({ store }: ServiceDiscoveryDependencies) {
  return {
    GetInstancesHealthStatus(input, context) {
      const service = serviceOf(store, context, input.ServiceId);
      const { Instances: ids } = input;
      if (ids?.length === 0) throw invalidInput("Instances must not be empty.");
      const rows =
        ids === undefined
          ? instancesOf(store, service)
          : [...new Set(ids)].map((id) => instanceOf(store, service, id));
      const { items, rest } = page(rows, ({ id }) => id, context, input);
      return { Status: Object.fromEntries(items.map((row) => [row.id, shownHealth(service, row)])), ...rest };
    },

    async UpdateInstanceCustomHealthStatus(input, context) {
      const health = oneOf(input.Status ?? "", "status", ["HEALTHY", "UNHEALTHY"] as const);
      await store.transact((tx) => {
        const service = serviceOf(tx, context, input.ServiceId);
        if (!service.customHealth)
          throw new ServiceError(
            "CustomHealthNotFound",
            `The service ${service.id} has no HealthCheckCustomConfig.`,
          );
        const before = instanceOf(tx, service, input.InstanceId);
        if (before.health === health) return;
        const changed = withInstanceHealth(service, before, health);
        tx.put(instances, instanceKey(service.id, before.id), changed.instance);
        tx.put(services, discoveryKey(service.region, service.id), changed.service);
      });
      return {};
    },
  } satisfies ServiceDiscoveryOperations;
}

/** Of a service that nobody watches: unknown. */
export const shownHealth = (service: DiscoveryServiceRow, row: DiscoveryInstanceRow): HealthStatus =>
  service.customHealth ? row.health : "UNKNOWN";
