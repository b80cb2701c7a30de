// TagResource and UntagResource.
import { withTags, type Tags } from "#domain/tags.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "../dependencies.ts";
import { liveSecretOf, type Place } from "../lookup.ts";
import { checkTagCount, readTags } from "../tags.ts";
import { putSecret } from "../versions.ts";

export function tagOperations({ store, clock }: SecretsManagerDependencies) {
  return {
    async TagResource(input, context) {
      const given = readTags(input.Tags);
      await change(context, input.SecretId, (tags) => checkTagCount({ ...tags, ...given }));
      return {};
    },

    async UntagResource(input, context) {
      const keys = input.TagKeys ?? [];
      await change(context, input.SecretId, (tags) =>
        Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key))),
      );
      return {};
    },
  } satisfies SecretsManagerOperations;

  function change(place: Place, id: string | undefined, to: (tags: Tags) => Tags): Promise<void> {
    return store.transact((tx) => {
      const row = liveSecretOf(tx, place, id ?? "", clock.now());
      putSecret(tx, { ...withTags(row, to(row.tags)), changedAt: clock.now() });
    });
  }
}
