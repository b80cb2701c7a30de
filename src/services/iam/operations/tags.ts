// Tags of users, roles and instance profiles.
import type { Tags } from "#domain/tags.ts";
import { instanceProfiles, roles, users } from "#store/tables/iam.ts";
import { checkTagCount, readTags, showTags } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { instanceProfileOf, roleOf, userOf } from "../lookup.ts";
import { page } from "../paging.ts";
import type { Reader, Table, Transaction } from "#store/store.ts";
import type { RequestContext } from "#gateway/service-definition.ts";

interface Tagged {
  readonly name: string;
  readonly tags: Tags;
}
interface TagInput {
  readonly Tags?: Parameters<typeof readTags>[0];
  readonly TagKeys?: readonly string[] | undefined;
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

export function tagOperations({ store }: IamDependencies) {
  const user = tagsOf(users, userOf);
  const role = tagsOf(roles, roleOf);
  const profile = tagsOf(instanceProfiles, instanceProfileOf);
  return {
    TagUser: (input) => user.tag(input.UserName, input),
    UntagUser: (input) => user.untag(input.UserName, input),
    ListUserTags: (input, context) => user.list(input.UserName, input, context),
    TagRole: (input) => role.tag(input.RoleName, input),
    UntagRole: (input) => role.untag(input.RoleName, input),
    ListRoleTags: (input, context) => role.list(input.RoleName, input, context),
    TagInstanceProfile: (input) => profile.tag(input.InstanceProfileName, input),
    UntagInstanceProfile: (input) => profile.untag(input.InstanceProfileName, input),
    ListInstanceProfileTags: (input, context) => profile.list(input.InstanceProfileName, input, context),
  } satisfies IamOperations;

  function tagsOf<R extends Tagged>(table: Table<R>, rowOf: (reader: Reader, name: string | undefined) => R) {
    const change = async (name: string | undefined, to: (tags: Tags) => Tags) => {
      await store.transact((tx: Transaction) => {
        const row = rowOf(tx, name);
        tx.put(table, row.name, { ...row, tags: to(row.tags) });
      });
      return {};
    };
    return {
      tag(name: string | undefined, { Tags: given }: TagInput) {
        const added = readTags(given);
        return change(name, (tags) => checkTagCount({ ...tags, ...added }));
      },
      untag: (name: string | undefined, { TagKeys: keys }: TagInput) =>
        change(name, (tags) =>
          Object.fromEntries(Object.entries(tags).filter(([key]) => keys?.includes(key) !== true)),
        ),
      list(name: string | undefined, input: TagInput, context: RequestContext) {
        const { items, rest } = page(showTags(rowOf(store, name).tags), (t) => t.Key, context, input);
        return { Tags: [...items], ...rest };
      },
    };
  }
}
