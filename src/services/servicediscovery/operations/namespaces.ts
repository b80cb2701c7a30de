// Namespaces: made, shown, described anew, deleted.
import { formatArn } from "#lib/arn.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import {
  discoveryKey,
  newNamespace,
  withNamespaceDescription,
  type NamespaceRow,
} from "#domain/servicediscovery/records.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { vpcs } from "#store/tables/ec2.ts";
import { namespaces } from "#store/tables/servicediscovery.ts";
import { checkDomainName, checkHttpName, checkTexts, lengthWithin, readTags } from "../constraints.ts";
import type { ServiceDiscoveryDependencies, ServiceDiscoveryOperations } from "../dependencies.ts";
import { inUse, invalidInput, limitExceeded, namespaceExists, notImplemented } from "../errors.ts";
import { filtered } from "../filters.ts";
import { namespaceOf, servicesOf } from "../lookup.ts";
import { newId, recordOperation, repeated } from "../operation-record.ts";
import { page } from "../paging.ts";
import { showNamespace, summaryOfNamespace } from "../show.ts";

/** AWS Cloud Map quotas, "Namespaces per Region". */
const MOST_NAMESPACES = 50;

export function namespaceOperations(deps: ServiceDiscoveryDependencies) {
  const { store, clock, random } = deps;

  type Asked = Pick<NamespaceRow, "name" | "type" | "tags" | "description" | "creatorRequestId" | "vpcId">;
  const create = (tx: Transaction, context: RequestContext, asked: Asked) => {
    const { region, account } = context;
    const others = namespacesIn(tx, region);
    const same = others.find((other) => isInTheWay(other, asked));
    if (same !== undefined) {
      const before = repeated(
        tx,
        context,
        { ...asked, type: "CREATE_NAMESPACE", target: same.id },
        clock.now(),
      );
      if (before === undefined) throw namespaceExists(same);
      return { OperationId: before.id };
    }
    if (others.length >= MOST_NAMESPACES)
      throw limitExceeded(`There can be up to ${MOST_NAMESPACES} namespaces in a region.`);
    const id = newId("ns", random);
    const arn = formatArn({ service: "servicediscovery", region, account, resource: `namespace/${id}` });
    const isNamed = others.some(({ httpName }) => httpName === asked.name);
    const httpName = isNamed ? `${asked.name}-${id.slice("ns-".length)}` : asked.name;
    tx.put(
      namespaces,
      discoveryKey(region, id),
      newNamespace({ ...asked, id, arn, region, account, httpName }, clock.now()),
    );
    return recordOperation(tx, deps, context, {
      type: "CREATE_NAMESPACE",
      targets: { NAMESPACE: id },
      namespaceId: id,
      ...requestOf(asked),
    });
  };

  const update = (
    context: RequestContext,
    type: NamespaceRow["type"],
    input: { readonly Id?: string | undefined; readonly UpdaterRequestId?: string | undefined },
    description: string | undefined,
  ) => {
    if (description === undefined) throw invalidInput("There is nothing to update.");
    const { description: words = "" } = checkTexts({ Description: description });
    const request = checkTexts({ CreatorRequestId: input.UpdaterRequestId });
    return store.transact((tx) => {
      const row = namespaceOf(tx, context, input.Id);
      if (row.type !== type) throw invalidInput(`The namespace ${row.id} is of type ${row.type}.`);
      tx.put(namespaces, discoveryKey(row.region, row.id), withNamespaceDescription(row, words));
      return recordOperation(tx, deps, context, {
        type: "UPDATE_NAMESPACE",
        targets: { NAMESPACE: row.id },
        namespaceId: row.id,
        ...requestOf(request),
      });
    });
  };

  return {
    CreateHttpNamespace(input, context) {
      const name = checkHttpName(input.Name ?? "");
      const asked = { ...checkTexts(input), name, tags: readTags(input.Tags), type: "HTTP" } as const;
      return store.transact((tx) => create(tx, context, asked));
    },

    CreatePrivateDnsNamespace(input, context) {
      const name = checkDomainName(input.Name ?? "");
      if (input.Properties !== undefined) throw notImplemented("The member 'Properties'");
      const vpcId = lengthWithin(input.Vpc ?? "", "vpc", 1, 64);
      const given = { ...checkTexts(input), name, tags: readTags(input.Tags), vpcId };
      return store.transact((tx) => {
        if (tx.get(vpcs, ec2Key(context.region, vpcId)) === undefined)
          throw invalidInput(`The VPC ${vpcId} does not exist in region ${context.region}.`);
        return create(tx, context, { ...given, type: "DNS_PRIVATE" });
      });
    },

    GetNamespace: ({ Id: id }, context) => ({
      Namespace: showNamespace(store, namespaceOf(store, context, id)),
    }),

    ListNamespaces(input, context) {
      const rows = filtered(namespacesIn(store, context.region), input.Filters, {
        TYPE: { conditions: ["BEGINS_WITH"], of: ({ type }) => type },
        NAME: { conditions: ["BEGINS_WITH"], of: ({ name }) => name },
        HTTP_NAME: { conditions: ["BEGINS_WITH"], of: ({ httpName }) => httpName },
        RESOURCE_OWNER: { of: () => "SELF" },
      });
      const { items, rest } = page(rows, ({ id }) => id, context, input);
      return { Namespaces: items.map((row) => summaryOfNamespace(store, row)), ...rest };
    },

    UpdateHttpNamespace: (input, context) => update(context, "HTTP", input, input.Namespace?.Description),

    UpdatePrivateDnsNamespace(input, context) {
      if (input.Namespace?.Properties !== undefined)
        throw notImplemented("The member 'Namespace.Properties'");
      return update(context, "DNS_PRIVATE", input, input.Namespace?.Description);
    },

    DeleteNamespace: ({ Id: id }, context) =>
      store.transact((tx) => {
        const row = namespaceOf(tx, context, id);
        if (servicesOf(tx, row).length > 0)
          throw inUse(`The namespace ${row.id} still contains services. Delete them first.`);
        tx.delete(namespaces, discoveryKey(row.region, row.id));
        return recordOperation(tx, deps, context, {
          type: "DELETE_NAMESPACE",
          targets: { NAMESPACE: row.id },
          namespaceId: row.id,
        });
      }),
  } satisfies ServiceDiscoveryOperations;
}

const namespacesIn = (reader: Reader, region: string): NamespaceRow[] =>
  Array.from(reader.scan(namespaces, { prefix: discoveryKey(region, "") }), ([, row]) => row);

/** Names of HTTP namespaces are unique in a region; a domain name is, in a VPC. */
const isInTheWay = (other: NamespaceRow, asked: Pick<NamespaceRow, "name" | "type" | "vpcId">): boolean =>
  asked.type === "HTTP"
    ? other.httpName === asked.name
    : other.vpcId === asked.vpcId && other.name.toLowerCase() === asked.name.toLowerCase();

const requestOf = ({ creatorRequestId }: { readonly creatorRequestId?: string }) =>
  creatorRequestId === undefined ? {} : { creatorRequestId };
