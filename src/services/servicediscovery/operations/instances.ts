// Instances of a service: registered, shown, deregistered.
import type { DiscoveryInstanceRow } from "#domain/servicediscovery/records.ts";
import {
  deregisterInstance,
  discoveryKey,
  instanceKey,
  registerInstance,
} from "#domain/servicediscovery/records.ts";
import { instances, services } from "#store/tables/servicediscovery.ts";
import { readAttributes } from "../attributes.ts";
import { checkInstanceId, checkTexts } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { limitExceeded } from "../errors.ts";
import { instanceOf, instancesOf, serviceOf } from "../lookup.ts";
import { recordOperation, repeated } from "../operation-record.ts";
import { page } from "../paging.ts";

/** AWS Cloud Map quotas, "Instances per service". */
const MOST_INSTANCES = 1000;

export function instanceOperations(deps: ServiceDiscoveryDependencies) {
  const { store, clock } = deps;
  return {
    async RegisterInstance(input, context) {
      const id = checkInstanceId(input.InstanceId);
      const request = checkTexts({ CreatorRequestId: input.CreatorRequestId });
      return store.transact((tx) => {
        const service = serviceOf(tx, context, input.ServiceId);
        const { attributes, health } = readAttributes(service, input.Attributes ?? {});
        const key = instanceKey(service.id, id);
        const before = tx.get(instances, key);
        const asked = { ...request, type: "REGISTER_INSTANCE", target: id } as const;
        const first = repeated(tx, context, asked, clock.now());
        if (first?.serviceId === service.id && before !== undefined && sameAttributes(before, attributes))
          return { OperationId: first.id };
        if (before === undefined && instancesOf(tx, service).length >= MOST_INSTANCES)
          throw limitExceeded(`A service can have up to ${MOST_INSTANCES} instances.`);
        const given = { ...request, id, attributes, ...(health === undefined ? {} : { health }) };
        const registered = registerInstance(service, given, before, clock.now());
        tx.put(instances, key, registered.instance);
        tx.put(services, discoveryKey(service.region, service.id), registered.service);
        return recordOperation(tx, deps, context, {
          type: "REGISTER_INSTANCE",
          targets: { INSTANCE: id },
          serviceId: service.id,
          namespaceId: service.namespaceId,
          ...(request.creatorRequestId === undefined ? {} : { creatorRequestId: request.creatorRequestId }),
        });
      });
    },

    DeregisterInstance: (input, context) =>
      store.transact((tx) => {
        const service = serviceOf(tx, context, input.ServiceId);
        const { id } = instanceOf(tx, service, input.InstanceId);
        tx.delete(instances, instanceKey(service.id, id));
        tx.put(services, discoveryKey(service.region, service.id), deregisterInstance(service));
        return recordOperation(tx, deps, context, {
          type: "DEREGISTER_INSTANCE",
          targets: { INSTANCE: id },
          serviceId: service.id,
          namespaceId: service.namespaceId,
        });
      }),

    GetInstance(input, context) {
      const service = serviceOf(store, context, input.ServiceId);
      const row = instanceOf(store, service, input.InstanceId);
      return {
        ResourceOwner: service.account,
        Instance: {
          ...show(row),
          CreatedByAccount: service.account,
          ...(row.creatorRequestId === undefined ? {} : { CreatorRequestId: row.creatorRequestId }),
        },
      };
    },

    ListInstances(input, context) {
      const service = serviceOf(store, context, input.ServiceId);
      const { items, rest } = page(instancesOf(store, service), ({ id }) => id, context, input);
      return {
        ResourceOwner: service.account,
        Instances: items.map((row) => ({ ...show(row), CreatedByAccount: service.account })),
        ...rest,
      };
    },
  } satisfies ServiceDiscoveryOperations;
}

const show = ({ id, attributes }: DiscoveryInstanceRow) => ({ Id: id, Attributes: { ...attributes } });

function sameAttributes({ attributes: before }: DiscoveryInstanceRow, now: Readonly<Record<string, string>>) {
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === now[name]);
}
