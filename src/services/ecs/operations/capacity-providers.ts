// Capacity providers: FARGATE and FARGATE_SPOT, which every account has, and which of them a cluster uses. Those of Auto Scaling
// groups are refused by name.
import type { CapacityProvider } from "@aws-sdk/client-ecs";
import { ServiceError } from "#lib/errors.ts";
import { capacityProviderArn } from "#domain/ecs/arns.ts";
import { clusterKey, setCapacityProviders, type ClusterRow } from "#domain/ecs/cluster.ts";
import { CAPACITY_PROVIDERS, type CapacityProviderName, isCapacityProvider } from "#domain/ecs/fargate.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { clusters, services, tasks } from "#store/tables/ecs.ts";
import { readProviders, readStrategyItems } from "../capacity-strategy.ts";
import { showCluster } from "../cluster-view.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { clientException, notImplemented } from "../errors.ts";
import { clusterOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { honourOnly } from "../refuse.ts";
import { wantsTags } from "../requested.ts";

export function capacityProviderOperations({ store }: EcsDependencies) {
  return {
    /** By name or ARN, all unless some are named; what is unknown is a failure. */
    DescribeCapacityProviders(input, context) {
      honourOnly(input, ["capacityProviders", "include", "maxResults", "nextToken"]);
      // They have no tags, but may be asked for.
      wantsTags(input.include);
      const given = input.capacityProviders ?? [];
      const asked = given.length === 0 ? CAPACITY_PROVIDERS : [...new Set(given.map(nameOf))];
      const known = asked.filter(isCapacityProvider);
      const failures = asked
        .filter((name) => !isCapacityProvider(name))
        .map((name) => ({ arn: arnOf(context, name), reason: "MISSING" }));
      const question = ["DescribeCapacityProviders", context.region, ...asked];
      const { items, more } = page(known, (name) => name, question, input);
      return { capacityProviders: items.map((name) => show(context, name)), failures, ...more };
    },

    /** Both lists are replaced; a provider that tasks or services use stays. */
    async PutClusterCapacityProviders(input, context) {
      honourOnly(input, ["cluster", "capacityProviders", "defaultCapacityProviderStrategy"]);
      const row = await store.transact((tx) => {
        const before = clusterOf(tx, context, input.cluster);
        const providers = readProviders(input.capacityProviders);
        const strategy = readStrategyItems(input.defaultCapacityProviderStrategy ?? [], providers);
        for (const name of before.capacityProviders ?? [])
          if (!providers.includes(name) && isInUse(tx, before, name))
            throw new ServiceError(
              "ResourceInUseException",
              "The specified capacity provider is in use and cannot be removed.",
            );
        const after = setCapacityProviders(before, providers, strategy);
        tx.put(clusters, clusterKey(after.region, after.name), after);
        return after;
      });
      return { cluster: showCluster(store, row, ["SETTINGS", "TAGS"]) };
    },

    CreateCapacityProvider(): never {
      throw notImplemented("A capacity provider of an Auto Scaling group or of managed instances");
    },

    UpdateCapacityProvider(input): never {
      throw reserved(input.name ?? "");
    },

    DeleteCapacityProvider(input): never {
      throw reserved(nameOf(input.capacityProvider ?? ""));
    },
  } satisfies EcsOperations;
}

const reserved = (name: string) =>
  isCapacityProvider(name)
    ? clientException(
        `The specified capacity provider '${name}' is reserved and cannot be changed or deleted.`,
      )
    : clientException(`The specified capacity provider '${name}' was not found.`);

const nameOf = (given: string): string =>
  given.startsWith("arn:") ? (given.split("/").at(-1) ?? "") : given;

const arnOf = ({ region, account }: RequestContext, name: string) =>
  capacityProviderArn(region, account, name);

const show = (context: RequestContext, name: CapacityProviderName): CapacityProvider => ({
  capacityProviderArn: arnOf(context, name),
  name,
  status: "ACTIVE",
  tags: [],
});

function isInUse(reader: Reader, { region, name }: ClusterRow, provider: CapacityProviderName): boolean {
  const prefix = `${region}/${name}/`;
  for (const [, task] of reader.scan(tasks, { prefix }))
    if (task.lastStatus !== "STOPPED" && task.capacityProviderName === provider) return true;
  for (const [, service] of reader.scan(services, { prefix }))
    if (
      service.status !== "INACTIVE" &&
      service.deployments.some((d) =>
        d.capacityProviderStrategy?.some((item) => item.capacityProvider === provider),
      )
    )
      return true;
  return false;
}
