// Which permission each operation needs (Service Authorization Reference, "AWS Cloud Map"): on the namespace or the service that is
// meant, by whatever name.
import type { ServiceDiscovery, Tag } from "@aws-sdk/client-servicediscovery";
import { formatArn, parseArn } from "#lib/arn.ts";
import { discoveryKey } from "#domain/servicediscovery/records.ts";
import type { Tags } from "#domain/tags.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { namespaces, operations, services } from "#store/tables/servicediscovery.ts";
import { hasName, idIn } from "./lookup.ts";

type Context = NonNullable<Permission["context"]>;
type Id = string | undefined;

export function serviceDiscoveryPermissions(reader: Reader) {
  const arnOf = (kind: "namespace" | "service", { region, account }: CallScope, given: Id) =>
    given?.startsWith("arn:") === true && parseArn(given) !== undefined
      ? given
      : formatArn({
          service: "servicediscovery",
          region,
          account,
          resource: `${kind}/${given === undefined || given === "" ? "*" : given}`,
        });
  const onNamespace = (scope: CallScope, given: Id, more: Context = {}): Permission => {
    const row = reader.get(
      namespaces,
      discoveryKey(scope.region, idIn(given ?? "", "namespace", scope) ?? ""),
    );
    return { resource: arnOf("namespace", scope, given), context: { ...resourceTags(row?.tags), ...more } };
  };
  const onService = (scope: CallScope, given: Id, more: Context = {}): Permission => {
    const row = reader.get(services, discoveryKey(scope.region, idIn(given ?? "", "service", scope) ?? ""));
    return { resource: arnOf("service", scope, given), context: { ...resourceTags(row?.tags), ...more } };
  };
  const anything = (): Permission[] => [{ resource: "*" }];
  const ofNamespace = (input: { readonly Id?: Id }, scope: CallScope) => [onNamespace(scope, input.Id)];
  const ofService = (input: { readonly ServiceId?: Id }, scope: CallScope) => [
    onService(scope, input.ServiceId, {
      "servicediscovery:ServiceArn": arnOf("service", scope, input.ServiceId),
    }),
  ];
  const changingService = (input: { readonly ServiceId?: Id }, scope: CallScope) => [
    onService(scope, input.ServiceId, {
      "servicediscovery:ServiceArn": arnOf("service", scope, input.ServiceId),
      "servicediscovery:ServiceCreatedByAccount": scope.account,
    }),
  ];
  const ownService = (input: { readonly Id?: Id }, scope: CallScope) => [
    onService(scope, input.Id, { "servicediscovery:ServiceCreatedByAccount": scope.account }),
  ];
  const discovering = (
    {
      NamespaceName: namespaceName,
      ServiceName: serviceName,
    }: { readonly NamespaceName?: Id; readonly ServiceName?: Id },
    scope: CallScope,
  ) => {
    const context = {
      "servicediscovery:NamespaceName": namespaceName,
      "servicediscovery:ServiceName": serviceName,
    };
    const namespace = reader.find(namespaces, "httpName", `${scope.region}/${namespaceName ?? ""}`)[0]?.[1];
    const service =
      namespace === undefined
        ? undefined
        : reader
            .find(services, "namespace", namespace.id)
            .find(([, { name }]) => hasName(namespace, name, serviceName ?? ""))?.[1];
    return [onNamespace(scope, namespace?.id, context), onService(scope, service?.id, context)];
  };
  const tagsAt = (arn: Id, scope: CallScope): Context => {
    const found = [
      reader.get(namespaces, discoveryKey(scope.region, idIn(arn ?? "", "namespace", scope) ?? "")),
      reader.get(services, discoveryKey(scope.region, idIn(arn ?? "", "service", scope) ?? "")),
    ].find((row) => row !== undefined);
    return resourceTags(found?.tags);
  };

  return {
    CreateHttpNamespace: (input) => [{ resource: "*", context: requestTags(input.Tags) }],
    CreatePrivateDnsNamespace: (input) => [{ resource: "*", context: requestTags(input.Tags) }],
    GetNamespace: ofNamespace,
    ListNamespaces: anything,
    UpdateHttpNamespace: ofNamespace,
    UpdatePrivateDnsNamespace: ofNamespace,
    DeleteNamespace: ofNamespace,

    CreateService: (input, scope) => {
      const namespace = input.NamespaceId ?? input.DnsConfig?.NamespaceId;
      const context = {
        ...requestTags(input.Tags),
        "servicediscovery:NamespaceArn": arnOf("namespace", scope, namespace),
      };
      return [onNamespace(scope, namespace, context), onService(scope, undefined, context)];
    },
    GetService: (input, scope) => [onService(scope, input.Id)],
    ListServices: anything,
    UpdateService: ownService,
    DeleteService: ownService,

    RegisterInstance: changingService,
    DeregisterInstance: changingService,
    GetInstance: ofService,
    ListInstances: ofService,
    GetInstancesHealthStatus: ofService,
    UpdateInstanceCustomHealthStatus: changingService,
    DiscoverInstances: discovering,
    DiscoverInstancesRevision: discovering,

    GetOperation: (input, scope) => {
      const row = reader.find(operations, "id", input.OperationId ?? "")[0]?.[1];
      return [
        onNamespace(scope, row?.namespaceId),
        ...(row?.serviceId === undefined ? [] : [onService(scope, row.serviceId)]),
      ];
    },
    ListOperations: anything,

    TagResource: (input, scope) => [
      { resource: "*", context: { ...tagsAt(input.ResourceARN, scope), ...requestTags(input.Tags) } },
    ],
    UntagResource: (input, scope) => [
      { resource: "*", context: { ...tagsAt(input.ResourceARN, scope), "aws:TagKeys": input.TagKeys } },
    ],
    ListTagsForResource: (input, scope) => [{ resource: "*", context: tagsAt(input.ResourceARN, scope) }],
  } satisfies Partial<PermissionTable<ServiceDiscovery>>;
}

function requestTags(tags: readonly Tag[] | undefined): Context {
  const given = (tags ?? []).map(({ Key: key = "", Value: value = "" }) => [key, value] as const);
  return {
    ...Object.fromEntries(given.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(given.length === 0 ? {} : { "aws:TagKeys": given.map(([key]) => key) }),
  };
}

const resourceTags = (tags: Tags = {}): Context =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
