// Tags of roles and instance profiles.
import type { Tags } from "#domain/tags.ts";
import { instanceProfiles } from "#store/tables/iam.ts";
import { checkTagCount, readTags, showTags } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { instanceProfileOf, roleOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { changeRole } from "./roles.ts";

const without = (tags: Tags, keys: readonly string[] | undefined): Tags =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => keys?.includes(key) !== true));

export function tagOperations({ store }: IamDependencies) {
  const changeProfile = (name: string | undefined, change: (tags: Tags) => Tags) =>
    store.transact((tx) => {
      const row = instanceProfileOf(tx, name);
      tx.put(instanceProfiles, row.name, { ...row, tags: change(row.tags) });
    });
  const changeRoleTags = (name: string | undefined, change: (tags: Tags) => Tags) =>
    store.transact((tx) => changeRole(tx, name, (row) => ({ ...row, tags: change(row.tags) })));

  return {
    async TagRole(input) {
      const added = readTags(input.Tags);
      await changeRoleTags(input.RoleName, (tags) => checkTagCount({ ...tags, ...added }));
      return {};
    },
    async UntagRole(input) {
      await changeRoleTags(input.RoleName, (tags) => without(tags, input.TagKeys));
      return {};
    },
    ListRoleTags(input, context) {
      const tags = showTags(roleOf(store, input.RoleName).tags);
      const { items, rest } = page(tags, (t) => t.Key, context, input);
      return { Tags: [...items], ...rest };
    },

    async TagInstanceProfile(input) {
      const added = readTags(input.Tags);
      await changeProfile(input.InstanceProfileName, (tags) => checkTagCount({ ...tags, ...added }));
      return {};
    },
    async UntagInstanceProfile(input) {
      await changeProfile(input.InstanceProfileName, (tags) => without(tags, input.TagKeys));
      return {};
    },
    ListInstanceProfileTags(input, context) {
      const tags = showTags(instanceProfileOf(store, input.InstanceProfileName).tags);
      const { items, rest } = page(tags, (t) => t.Key, context, input);
      return { Tags: [...items], ...rest };
    },
  } satisfies IamOperations;
}
