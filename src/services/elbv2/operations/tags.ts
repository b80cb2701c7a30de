// Tags of load balancers, target groups and listeners (rules have none here).
import { elbNameKey } from "#domain/elbv2/load-balancer.ts";
import type { Tags } from "#domain/tags.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { listeners, loadBalancers, targetGroups } from "#store/tables/elbv2.ts";
import type { Elbv2Dependencies, Elbv2Operations } from "../dependencies.ts";
import { notImplemented, validationError } from "../errors.ts";
import { listenerOf, loadBalancerOf, targetGroupOf } from "../lookup.ts";
import { checkTagCount, readTags, showTags } from "../tags.ts";
import { listenerOfRule } from "./listeners.ts";

const MOST_RESOURCES = 20;

export function tagOperations({ store }: Elbv2Dependencies) {
  return {
    async AddTags(input, { region }) {
      const added = readTags(input.Tags);
      await store.transact((tx) => {
        for (const arn of resources(input.ResourceArns)) {
          const { tags, put } = taggable(tx, region, arn);
          put(tx, checkTagCount({ ...tags, ...added }));
        }
      });
      return {};
    },

    async RemoveTags(input, { region }) {
      const removed = new Set(input.TagKeys ?? []);
      await store.transact((tx) => {
        for (const arn of resources(input.ResourceArns)) {
          const { tags, put } = taggable(tx, region, arn);
          put(tx, Object.fromEntries(Object.entries(tags).filter(([key]) => !removed.has(key))));
        }
      });
      return {};
    },

    DescribeTags: (input, { region }) => ({
      TagDescriptions: resources(input.ResourceArns).map((arn) => ({
        ResourceArn: arn,
        Tags: showTags(taggable(store, region, arn).tags),
      })),
    }),
  } satisfies Elbv2Operations;
}

function resources(arns: readonly string[] | undefined): readonly string[] {
  if (arns === undefined || arns.length === 0)
    throw validationError("At least one resource ARN must be specified");
  if (arns.length > MOST_RESOURCES)
    throw validationError(`Up to ${MOST_RESOURCES} resources can be named in a single call`);
  return [...new Set(arns)];
}

interface Taggable {
  readonly tags: Tags;
  readonly put: (tx: Transaction, tags: Tags) => void;
}

function taggable(reader: Reader, region: string, arn: string): Taggable {
  if (arn.includes(":loadbalancer/")) {
    const row = loadBalancerOf(reader, region, arn);
    return {
      tags: row.tags,
      put: (tx, tags) => tx.put(loadBalancers, elbNameKey(region, row.name), { ...row, tags }),
    };
  }
  if (arn.includes(":targetgroup/")) {
    const row = targetGroupOf(reader, region, arn);
    return {
      tags: row.tags,
      put: (tx, tags) => tx.put(targetGroups, elbNameKey(region, row.name), { ...row, tags }),
    };
  }
  if (arn.includes(":listener-rule/")) {
    listenerOfRule(reader, region, arn);
    return {
      tags: {},
      put: () => {
        throw notImplemented("Tagging a default rule", "ValidationError");
      },
    };
  }
  const [key, row] = listenerOf(reader, region, arn);
  return { tags: row.tags, put: (tx, tags) => tx.put(listeners, key, { ...row, tags }) };
}
