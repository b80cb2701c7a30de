// Tags of namespaces and services.
import {
  discoveryKey,
  type DiscoveryServiceRow,
  type NamespaceRow,
} from "#domain/servicediscovery/records.ts";
import { withTags, type Tags } from "#domain/tags.ts";
import type { Reader } from "#store/store.ts";
import { namespaces, services } from "#store/tables/servicediscovery.ts";
import { checkTagCount, lengthWithin, readTags, showTags } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { noSuchResource } from "../errors.ts";
import { idIn, type Place } from "../lookup.ts";

export function tagOperations({ store }: ServiceDiscoveryDependencies) {
  const change = async (place: Place, arn: string | undefined, tagsOf: (before: Tags) => Tags) => {
    await store.transact((tx) => {
      const { namespace, service } = taggable(tx, place, arn);
      const row = namespace ?? service;
      const tags = checkTagCount(tagsOf(row.tags), row.arn);
      const key = discoveryKey(row.region, row.id);
      if (namespace !== undefined) tx.put(namespaces, key, withTags(namespace, tags));
      else tx.put(services, key, withTags(service, tags));
    });
    return {};
  };

  return {
    TagResource(input, place) {
      const added = readTags(input.Tags);
      return change(place, input.ResourceARN, (before) => ({ ...before, ...added }));
    },
    UntagResource: (input, place) =>
      change(place, input.ResourceARN, (before) =>
        Object.fromEntries(Object.entries(before).filter(([key]) => input.TagKeys?.includes(key) !== true)),
      ),
    ListTagsForResource(input, place) {
      const { namespace, service } = taggable(store, place, input.ResourceARN);
      return { Tags: showTags((namespace ?? service).tags) };
    },
  } satisfies ServiceDiscoveryOperations;
}

type Taggable =
  | { readonly namespace: NamespaceRow; readonly service: undefined }
  | { readonly namespace: undefined; readonly service: DiscoveryServiceRow };

/** @throws InvalidInput, ResourceNotFoundException */
function taggable(reader: Reader, place: Place, given: string | undefined): Taggable {
  const arn = lengthWithin(given ?? "", "resourceARN", 1, 1011);
  if (!arn.startsWith("arn:")) throw noSuchResource(arn);
  const key = (id: string) => discoveryKey(place.region, id);
  const namespaceId = idIn(arn, "namespace", place);
  const namespace = namespaceId === undefined ? undefined : reader.get(namespaces, key(namespaceId));
  if (namespace !== undefined) return { namespace, service: undefined };
  const serviceId = idIn(arn, "service", place);
  const service = serviceId === undefined ? undefined : reader.get(services, key(serviceId));
  if (service === undefined) throw noSuchResource(arn);
  return { namespace: undefined, service };
}
