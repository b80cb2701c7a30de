// Cloud Map's tables.
import { defineTable } from "#store/store.ts";
import type {
  DiscoveryInstanceRow,
  DiscoveryServiceRow,
  NamespaceRow,
  OperationRow,
} from "#domain/servicediscovery/records.ts";

/** region/id */
export const namespaces = defineTable<NamespaceRow>({
  name: "servicediscovery-namespaces",
  indexes: {
    arn: (row) => [row.arn],
    id: (row) => [row.id],
    vpc: (row) => (row.vpcId === undefined ? [] : [row.vpcId]),
    /** As DiscoverInstances names it. */
    httpName: (row) => [`${row.region}/${row.httpName}`],
  },
});
/** region/id */
export const services = defineTable<DiscoveryServiceRow>({
  name: "servicediscovery-services",
  indexes: { arn: (row) => [row.arn], id: (row) => [row.id], namespace: (row) => [row.namespaceId] },
});
/** service id/id */
export const instances = defineTable<DiscoveryInstanceRow>({
  name: "servicediscovery-instances",
  indexes: { service: (row) => [row.serviceId] },
});
/** region/time/id */
export const operations = defineTable<OperationRow>({
  name: "servicediscovery-operations",
  indexes: {
    id: (row) => [row.id],
    request: (row) => (row.creatorRequestId === undefined ? [] : [row.creatorRequestId]),
  },
});
