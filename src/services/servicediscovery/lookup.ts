// Finds what a caller means by an id or an ARN of this account and region.
import { parseArn } from "#lib/arn.ts";
import {
  discoveryKey,
  instanceKey,
  type DiscoveryInstanceRow,
  type DiscoveryServiceRow,
  type NamespaceRow,
} from "#domain/servicediscovery/records.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { instances, namespaces, services } from "#store/tables/servicediscovery.ts";
import { checkInstanceId, lengthWithin } from "./constraints.ts";
import { noSuchInstance, noSuchNamespace, noSuchService } from "./errors.ts";

export type Place = Pick<RequestContext, "region" | "account">;

/** The id in an id or an ARN; undefined when the ARN is another place's, or another kind's. */
export function idIn(given: string, kind: "namespace" | "service", { region, account }: Place) {
  if (!given.startsWith("arn:")) return given;
  const arn = parseArn(given);
  if (arn?.service !== "servicediscovery" || arn.region !== region || arn.account !== account)
    return undefined;
  return arn.resource.startsWith(`${kind}/`) ? arn.resource.slice(kind.length + 1) : undefined;
}

/** @throws InvalidInput, NamespaceNotFound */
export function namespaceOf(reader: Reader, place: Place, given = ""): NamespaceRow {
  const id = idIn(lengthWithin(given, "id", 1, 255), "namespace", place);
  const row = id === undefined ? undefined : reader.get(namespaces, discoveryKey(place.region, id));
  if (row === undefined) throw noSuchNamespace(given);
  return row;
}

/** @throws InvalidInput, ServiceNotFound */
export function serviceOf(
  reader: Reader,
  place: Place,
  given = "",
  member: "id" | "serviceId" = "serviceId",
): DiscoveryServiceRow {
  const id = idIn(lengthWithin(given, member, 1, 255), "service", place);
  const row = id === undefined ? undefined : reader.get(services, discoveryKey(place.region, id));
  if (row === undefined) throw noSuchService(given);
  return row;
}

/** @throws InvalidInput, InstanceNotFound */
export function instanceOf(
  reader: Reader,
  service: DiscoveryServiceRow,
  given: string | undefined,
): DiscoveryInstanceRow {
  const id = checkInstanceId(given);
  const row = reader.get(instances, instanceKey(service.id, id));
  if (row === undefined) throw noSuchInstance(id, service.id);
  return row;
}

/** By the names that DiscoverInstances takes. @throws NamespaceNotFound, ServiceNotFound */
export function serviceByName(
  reader: Reader,
  { region }: Place,
  namespaceName: string,
  serviceName: string,
): { readonly namespace: NamespaceRow; readonly service: DiscoveryServiceRow } {
  const namespace = reader.find(namespaces, "httpName", `${region}/${namespaceName}`)[0]?.[1];
  if (namespace === undefined) throw noSuchNamespace(namespaceName);
  const service = servicesOf(reader, namespace).find(({ name }) => hasName(namespace, name, serviceName));
  if (service === undefined) throw noSuchService(serviceName);
  return { namespace, service };
}

export const servicesOf = (reader: Reader, namespace: NamespaceRow): DiscoveryServiceRow[] =>
  reader.find(services, "namespace", namespace.id).map(([, row]) => row);

export const instancesOf = (reader: Reader, service: DiscoveryServiceRow): DiscoveryInstanceRow[] =>
  reader.find(instances, "service", service.id).map(([, row]) => row);

/** Names in the DNS do not differ by their case. */
export const hasName = ({ type }: NamespaceRow, name: string, asked: string): boolean =>
  type === "HTTP" ? name === asked : name.toLowerCase() === asked.toLowerCase();
