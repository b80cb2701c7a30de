// Cloud Map's rows: namespaces, their services and those services' instances, the operations that made them, and how each changes
// (AWS Cloud Map API reference). What a caller may ask for is decided by the service; what names resolve to, by the network.
import type { Tags } from "../tags.ts";

interface Owned {
  readonly id: string;
  readonly arn: string;
  readonly region: string;
  readonly account: string;
  readonly tags: Tags;
  readonly description?: string;
  readonly creatorRequestId?: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface NamespaceRow extends Owned {
  /** Of a DNS namespace: a domain name as it was written, without a dot at its end. */
  readonly name: string;
  /** By which DiscoverInstances finds it: its name, or that with a suffix where another namespace of the region has it. */
  readonly httpName: string;
  readonly type: "DNS_PRIVATE" | "HTTP";
  /** Of DNS_PRIVATE: where its names resolve. */
  readonly vpcId?: string;
}

export interface DnsRecord {
  readonly type: "A" | "SRV";
  readonly ttlSeconds: number;
}

export type RoutingPolicy = "MULTIVALUE" | "WEIGHTED";

export interface DiscoveryServiceRow extends Owned {
  readonly name: string;
  readonly namespaceId: string;
  /** Empty: found only by DiscoverInstances. */
  readonly dnsRecords: readonly DnsRecord[];
  readonly routingPolicy: RoutingPolicy;
  /** Whether somebody (ECS, UpdateInstanceCustomHealthStatus) says how its instances are. Otherwise all count as healthy. */
  readonly customHealth: boolean;
  /** Raised whenever its instances or their health change. */
  readonly revision: number;
}

export interface DiscoveryInstanceRow {
  readonly serviceId: string;
  readonly region: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly health: InstanceHealth;
  readonly creatorRequestId?: string;
  readonly registeredAt: number;
}

export type InstanceHealth = "HEALTHY" | "UNHEALTHY";

export type OperationType =
  | "CREATE_NAMESPACE"
  | "DELETE_NAMESPACE"
  | "UPDATE_NAMESPACE"
  | "UPDATE_SERVICE"
  | "REGISTER_INSTANCE"
  | "DEREGISTER_INSTANCE";

/** Done in the transaction that it records. */
export interface OperationRow {
  readonly id: string;
  readonly region: string;
  readonly account: string;
  readonly type: OperationType;
  readonly targets: Partial<Readonly<Record<"NAMESPACE" | "SERVICE" | "INSTANCE", string>>>;
  /** Whose namespace or service it was, for ListOperations and for policies. */
  readonly namespaceId?: string;
  readonly serviceId?: string;
  readonly creatorRequestId?: string;
  readonly createdAt: number;
}

/** Key of a namespace or a service. */
export const discoveryKey = (region: string, id: string): string => `${region}/${id}`;

/** Key of an instance. Service ids are unique across regions. */
export const instanceKey = (serviceId: string, id: string): string => `${serviceId}/${id}`;

/** Key of an operation: the oldest come first. */
export const operationKey = ({ region, createdAt, id }: Pick<OperationRow, "region" | "createdAt" | "id">) =>
  `${region}/${String(createdAt).padStart(15, "0")}/${id}`;

export const newNamespace = (namespace: Omit<NamespaceRow, "createdAt">, now: number): NamespaceRow => ({
  ...namespace,
  createdAt: now,
});

export const newDiscoveryService = (
  service: Omit<DiscoveryServiceRow, "createdAt" | "revision">,
  now: number,
): DiscoveryServiceRow => ({ ...service, revision: 1, createdAt: now });

/** A new instance is healthy until somebody says otherwise; one that is registered anew keeps its health. */
export function registerInstance(
  service: DiscoveryServiceRow,
  instance: Pick<DiscoveryInstanceRow, "id" | "attributes" | "creatorRequestId"> & {
    readonly health?: InstanceHealth;
  },
  before: DiscoveryInstanceRow | undefined,
  now: number,
): { readonly service: DiscoveryServiceRow; readonly instance: DiscoveryInstanceRow } {
  const { id: serviceId, region } = service;
  const { health = before?.health ?? "HEALTHY", ...given } = instance;
  return {
    service: revised(service),
    instance: { ...given, serviceId, region, health, registeredAt: before?.registeredAt ?? now },
  };
}

/** The service without one of its instances; the caller deletes the instance's row. */
export const deregisterInstance = (service: DiscoveryServiceRow): DiscoveryServiceRow => revised(service);

export const withInstanceHealth = (
  service: DiscoveryServiceRow,
  instance: DiscoveryInstanceRow,
  health: InstanceHealth,
): { readonly service: DiscoveryServiceRow; readonly instance: DiscoveryInstanceRow } => ({
  service: revised(service),
  instance: { ...instance, health },
});

export const withServiceChange = (
  service: DiscoveryServiceRow,
  change: Partial<Pick<DiscoveryServiceRow, "description" | "dnsRecords">>,
): DiscoveryServiceRow => ({ ...service, ...change });

export const withNamespaceDescription = (namespace: NamespaceRow, description: string): NamespaceRow => ({
  ...namespace,
  description,
});

const revised = (service: DiscoveryServiceRow): DiscoveryServiceRow => ({
  ...service,
  revision: service.revision + 1,
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long an operation can be asked for. */
export const isForgotten = (operation: OperationRow, now: number): boolean =>
  operation.createdAt + DAY_MS <= now;
