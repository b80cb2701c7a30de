// Key policies (there is one a key, called `default`) and tags.
import { kmsKey, withPolicy } from "#domain/kms/key.ts";
import { withTags, type Tags } from "#domain/tags.ts";
import { ServiceError } from "#lib/errors.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { keys } from "#store/tables/kms.ts";
import type { KmsDependencies, KmsOperations } from "../dependencies.ts";
import { notFound, pendingDeletion } from "../errors.ts";
import { checkKeyPolicy } from "../key-policy.ts";
import { ownKeyOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkTagCount, readTags, showTags } from "../tags.ts";

const NAME = "default";

export function policyOperations({ store, clock }: KmsDependencies) {
  return {
    async PutKeyPolicy(input, context) {
      checkName(input.PolicyName);
      await store.transact((tx) => {
        const key = ownKeyOf(tx, context, input.KeyId, clock.now());
        if (key.state === "PendingDeletion") throw pendingDeletion(key.arn);
        const policy = checkKeyPolicy({
          policy: input.Policy ?? "",
          keyArn: key.arn,
          principal: context.principal,
          bypassLockoutCheck: input.BypassPolicyLockoutSafetyCheck === true,
        });
        tx.put(keys, kmsKey(key.region, key.id), withPolicy(key, policy));
      });
      return {};
    },

    GetKeyPolicy(input, context) {
      checkName(input.PolicyName);
      return { Policy: ownKeyOf(store, context, input.KeyId, clock.now(), true).policy, PolicyName: NAME };
    },

    ListKeyPolicies(input, context) {
      ownKeyOf(store, context, input.KeyId, clock.now(), true);
      const { items, rest } = page([NAME], (name) => name, context, { input, usual: 100, most: 1000 });
      return { PolicyNames: [...items], ...rest };
    },

    async TagResource(input, context) {
      const given = readTags(input.Tags);
      await changeTags(context, input.KeyId, (tags) => checkTagCount({ ...tags, ...given }));
      return {};
    },

    async UntagResource(input, context) {
      const gone = input.TagKeys ?? [];
      await changeTags(context, input.KeyId, (tags) =>
        Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.includes(key))),
      );
      return {};
    },

    ListResourceTags(input, context) {
      const { tags } = ownKeyOf(store, context, input.KeyId, clock.now(), true);
      const { items, rest } = page(showTags(tags), (tag) => tag.TagKey, context, {
        input,
        usual: 50,
        most: 50,
      });
      return { Tags: [...items], ...rest };
    },
  } satisfies KmsOperations;

  function changeTags(
    context: RequestContext,
    id: string | undefined,
    to: (tags: Tags) => Tags,
  ): Promise<void> {
    return store.transact((tx) => {
      const key = ownKeyOf(tx, context, id, clock.now());
      if (key.state === "PendingDeletion") throw pendingDeletion(key.arn);
      tx.put(keys, kmsKey(key.region, key.id), withTags(key, to(key.tags)));
    });
  }
}

/** @throws NotFoundException */
function checkName(name: string | undefined): void {
  if (name !== undefined && !/^\w{1,128}$/.test(name))
    throw new ServiceError(
      "ValidationException",
      "PolicyName must have 1 to 128 letters, digits and underscores.",
    );
  if (name !== undefined && name !== NAME) throw notFound("No such policy exists");
}
