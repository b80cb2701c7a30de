// Rows as the API shows them.
import type {
  DnsConfig,
  Namespace,
  NamespaceProperties,
  Operation,
  Service,
} from "@aws-sdk/client-servicediscovery";
import type { DiscoveryServiceRow, NamespaceRow, OperationRow } from "#domain/servicediscovery/records.ts";
import type { Reader } from "#store/store.ts";
import { instancesOf, servicesOf } from "./lookup.ts";

const described = ({ description }: { readonly description?: string }) =>
  description === undefined ? {} : { Description: description };

const requested = ({ creatorRequestId }: { readonly creatorRequestId?: string }) =>
  creatorRequestId === undefined ? {} : { CreatorRequestId: creatorRequestId };

/** As listings show it: without the request that made it. */
export const summaryOfNamespace = (reader: Reader, row: NamespaceRow): Namespace => ({
  Id: row.id,
  Arn: row.arn,
  ResourceOwner: row.account,
  Name: row.name,
  Type: row.type,
  ...described(row),
  ServiceCount: servicesOf(reader, row).length,
  Properties: propertiesOf(row),
  CreateDate: new Date(row.createdAt),
});

export const showNamespace = (reader: Reader, row: NamespaceRow): Namespace => ({
  ...summaryOfNamespace(reader, row),
  ...requested(row),
});

/** There is no Route 53 whose hosted zone could be named. */
const propertiesOf = (row: NamespaceRow): NamespaceProperties => ({
  DnsProperties: {},
  HttpProperties: { HttpName: row.httpName },
});

export const summaryOfService = (reader: Reader, row: DiscoveryServiceRow): Service => ({
  Id: row.id,
  Arn: row.arn,
  ResourceOwner: row.account,
  Name: row.name,
  Type: row.dnsRecords.length === 0 ? "HTTP" : "DNS_HTTP",
  ...described(row),
  InstanceCount: instancesOf(reader, row).length,
  ...(row.dnsRecords.length === 0 ? {} : { DnsConfig: dnsConfigOf(row) }),
  // The threshold can no longer be chosen.
  ...(row.customHealth ? { HealthCheckCustomConfig: { FailureThreshold: 1 } } : {}),
  CreateDate: new Date(row.createdAt),
  CreatedByAccount: row.account,
});

export const showService = (reader: Reader, row: DiscoveryServiceRow): Service => ({
  ...summaryOfService(reader, row),
  NamespaceId: row.namespaceId,
  ...requested(row),
});

const dnsConfigOf = (row: DiscoveryServiceRow): DnsConfig => ({
  NamespaceId: row.namespaceId,
  RoutingPolicy: row.routingPolicy,
  DnsRecords: row.dnsRecords.map(({ type, ttlSeconds }) => ({ Type: type, TTL: ttlSeconds })),
});

export const showOperation = (row: OperationRow): Operation => ({
  Id: row.id,
  OwnerAccount: row.account,
  Type: row.type,
  Status: "SUCCESS",
  CreateDate: new Date(row.createdAt),
  UpdateDate: new Date(row.createdAt),
  Targets: row.targets,
});
