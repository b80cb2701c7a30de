// Services of a namespace: what their instances are called in the DNS, if anything, and whether somebody says how those are.
import type { DnsConfigChange, DnsRecord as GivenRecord } from "@aws-sdk/client-servicediscovery";
import { formatArn } from "#lib/arn.ts";
import {
  discoveryKey,
  newDiscoveryService,
  withServiceChange,
  type DiscoveryServiceRow,
  type DnsRecord,
  type NamespaceRow,
} from "#domain/servicediscovery/records.ts";
import { services } from "#store/tables/servicediscovery.ts";
import { checkServiceName, checkTexts, checkTtl, inRange, oneOf, readTags } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { inUse, invalidInput, notImplemented, serviceExists } from "../errors.ts";
import { filtered } from "../filters.ts";
import { hasName, idIn, instancesOf, namespaceOf, serviceOf, servicesOf } from "../lookup.ts";
import { newId, recordOperation } from "../operation-record.ts";
import { page } from "../paging.ts";
import { showService, summaryOfService } from "../show.ts";

export function serviceOperations(deps: ServiceDiscoveryDependencies) {
  const { store, clock, random } = deps;
  return {
    async CreateService(input, context) {
      const { region, account } = context;
      const name = checkServiceName(input.Name ?? "");
      const { DnsConfig: dns, Type: type, HealthCheckCustomConfig: health } = input;
      if (input.HealthCheckConfig !== undefined) throw notImplemented("The member 'HealthCheckConfig'");
      if (health?.FailureThreshold !== undefined)
        inRange(health.FailureThreshold, "healthCheckCustomConfig.failureThreshold", 1, 10);
      if (type !== undefined) oneOf(type, "type", ["HTTP"]);
      if (type !== undefined && dns !== undefined)
        throw invalidInput("A service of type HTTP takes no DnsConfig.");
      if (input.NamespaceId !== undefined && (dns?.NamespaceId ?? input.NamespaceId) !== input.NamespaceId)
        throw invalidInput("NamespaceId and DnsConfig.NamespaceId name different namespaces.");
      const namespaceId = input.NamespaceId ?? dns?.NamespaceId;
      if (namespaceId === undefined) throw invalidInput("A service needs a NamespaceId.");
      const routing = oneOf(dns?.RoutingPolicy ?? "MULTIVALUE", "dnsConfig.routingPolicy", [
        "MULTIVALUE",
        "WEIGHTED",
      ]);
      const dnsRecords = dns === undefined ? [] : readRecords(dns);
      const more = { ...checkTexts(input), tags: readTags(input.Tags) };
      return store.transact((tx) => {
        const namespace = namespaceOf(tx, context, namespaceId);
        checkKind(namespace, dns !== undefined, type !== undefined);
        const same = servicesOf(tx, namespace).find((other) => hasName(namespace, other.name, name));
        if (same !== undefined) {
          if (!isRepeated(same, { ...more, name, dnsRecords, routingPolicy: routing }))
            throw serviceExists(same);
          return { Service: showService(tx, same) };
        }
        const id = newId("srv", random);
        const row = newDiscoveryService(
          {
            ...more,
            id,
            arn: formatArn({ service: "servicediscovery", region, account, resource: `service/${id}` }),
            region,
            account,
            name,
            namespaceId: namespace.id,
            dnsRecords,
            routingPolicy: routing,
            customHealth: health !== undefined,
          },
          clock.now(),
        );
        tx.put(services, discoveryKey(region, id), row);
        return { Service: showService(tx, row) };
      });
    },

    GetService: ({ Id: id }, context) => ({
      Service: showService(store, serviceOf(store, context, id, "id")),
    }),

    ListServices(input, context) {
      const all = Array.from(
        store.scan(services, { prefix: discoveryKey(context.region, "") }),
        ([, row]) => row,
      );
      // A namespace may be named by its ARN.
      const filters = input.Filters?.map((filter) => ({
        ...filter,
        Values: filter.Values?.map((value) => idIn(value, "namespace", context) ?? value),
      }));
      const rows = filtered(all, filters, {
        NAMESPACE_ID: { of: ({ namespaceId }) => namespaceId },
        RESOURCE_OWNER: { of: () => "SELF" },
      });
      const { items, rest } = page(rows, ({ id }) => id, context, input);
      return { Services: items.map((row) => summaryOfService(store, row)), ...rest };
    },

    async UpdateService(input, context) {
      const change = input.Service ?? {};
      if (change.HealthCheckConfig !== undefined)
        throw notImplemented("The member 'Service.HealthCheckConfig'");
      const dnsRecords = change.DnsConfig === undefined ? undefined : readRecords(change.DnsConfig);
      const { description } = checkTexts({ Description: change.Description });
      return store.transact((tx) => {
        const row = serviceOf(tx, context, input.Id, "id");
        if (namespaceOf(tx, context, row.namespaceId).type === "HTTP")
          throw invalidInput("A service of an HTTP namespace cannot be updated.");
        const had = new Set(row.dnsRecords.map(({ type }) => type));
        if (dnsRecords?.some(({ type }) => !had.has(type)) === true)
          throw invalidInput("The types of a service's DNS records cannot be changed.");
        // What the new configuration does not list is deleted, as AWS has it: also all of it.
        const changed = withServiceChange(row, {
          dnsRecords: dnsRecords ?? [],
          ...(description === undefined ? {} : { description }),
        });
        tx.put(services, discoveryKey(row.region, row.id), changed);
        return recordOperation(tx, deps, context, {
          type: "UPDATE_SERVICE",
          targets: { SERVICE: row.id },
          serviceId: row.id,
          namespaceId: row.namespaceId,
        });
      });
    },

    async DeleteService({ Id: id }, context) {
      await store.transact((tx) => {
        const row = serviceOf(tx, context, id, "id");
        if (instancesOf(tx, row).length > 0)
          throw inUse(`The service ${row.id} still has registered instances. Deregister them first.`);
        tx.delete(services, discoveryKey(row.region, row.id));
      });
      return {};
    },
  } satisfies ServiceDiscoveryOperations;
}

/** @throws InvalidInput unless the namespace can have such a service */
function checkKind(namespace: NamespaceRow, hasDns: boolean, isHttp: boolean): void {
  if (namespace.type === "HTTP" && hasDns)
    throw invalidInput("A service of an HTTP namespace takes no DnsConfig.");
  if (namespace.type === "DNS_PRIVATE" && !hasDns && !isHttp)
    throw invalidInput("A service of a DNS namespace needs a DnsConfig, or the type HTTP.");
}

function readRecords({ DnsRecords: given = [] }: DnsConfigChange): readonly DnsRecord[] {
  const records = given.map(readRecord);
  if (records.length === 0) throw invalidInput("DnsConfig.DnsRecords must not be empty.");
  if (new Set(records.map(({ type }) => type)).size < records.length)
    throw invalidInput("DnsConfig.DnsRecords has a type of record twice.");
  return records;
}

function readRecord({ Type: type, TTL: ttl }: Partial<GivenRecord>): DnsRecord {
  const known = oneOf<string>(type ?? "", "dnsConfig.dnsRecords.member.type", ["SRV", "A", "AAAA", "CNAME"]);
  if (known !== "A" && known !== "SRV") throw notImplemented(`The record type ${known}`);
  return { type: known, ttlSeconds: checkTtl(ttl, "dnsConfig.dnsRecords.member.tTL") };
}

/** Whether the request is the one that made the service. */
const isRepeated = (
  made: DiscoveryServiceRow,
  asked: Pick<DiscoveryServiceRow, "name" | "dnsRecords" | "routingPolicy" | "creatorRequestId">,
): boolean =>
  asked.creatorRequestId !== undefined &&
  asked.creatorRequestId === made.creatorRequestId &&
  asked.name === made.name &&
  asked.routingPolicy === made.routingPolicy &&
  JSON.stringify(asked.dnsRecords) === JSON.stringify(made.dnsRecords);
