// Instance profiles: by which an instance gets its role.
import { formatArn } from "#lib/arn.ts";
import { type InstanceProfileRow, newInstanceProfile } from "#domain/iam/records.ts";
import { instanceProfiles } from "#store/tables/iam.ts";
import { checkPath, checkProfileName, readTags } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { deleteConflict, entityAlreadyExists, limitExceeded, noSuchEntity } from "../errors.ts";
import { instanceProfileOf, isTaken, roleOf, showInstanceProfile } from "../lookup.ts";
import { page } from "../paging.ts";

const MOST_PROFILES = 1000;

export function instanceProfileOperations({ store, clock, random, account }: IamDependencies) {
  const all = () => Array.from(store.scan(instanceProfiles), ([, row]) => row);
  return {
    async CreateInstanceProfile(input) {
      const name = checkProfileName(input.InstanceProfileName);
      const path = checkPath(input.Path);
      const arn = formatArn({
        service: "iam",
        region: "",
        account,
        resource: `instance-profile${path}${name}`,
      });
      const made = newInstanceProfile({ name, path, arn, tags: readTags(input.Tags) }, random, clock.now());
      await store.transact((tx) => {
        if (isTaken(tx, instanceProfiles, name)) throw entityAlreadyExists(`Instance Profile ${name}`);
        if ([...tx.scan(instanceProfiles)].length >= MOST_PROFILES)
          throw limitExceeded(`Cannot exceed quota for InstanceProfilesPerAccount: ${MOST_PROFILES}`);
        tx.put(instanceProfiles, name, made);
      });
      return { InstanceProfile: showInstanceProfile(store, made) };
    },

    GetInstanceProfile: (input) => ({
      InstanceProfile: showInstanceProfile(store, instanceProfileOf(store, input.InstanceProfileName)),
    }),

    ListInstanceProfiles(input, context) {
      const rows = all().filter((row) => row.path.startsWith(input.PathPrefix ?? "/"));
      const { items, rest } = page(rows, (r) => r.name, context, input);
      return { InstanceProfiles: items.map((row) => showInstanceProfile(store, row, false)), ...rest };
    },

    ListInstanceProfilesForRole(input, context) {
      const role = roleOf(store, input.RoleName);
      const rows = store.find(instanceProfiles, "role", role.name).map(([, row]) => row);
      const { items, rest } = page(rows, (r) => r.name, context, input);
      return { InstanceProfiles: items.map((row) => showInstanceProfile(store, row, false)), ...rest };
    },

    async DeleteInstanceProfile(input) {
      await store.transact((tx) => {
        const row = instanceProfileOf(tx, input.InstanceProfileName);
        if (row.roleNames.length > 0) throw deleteConflict("remove roles from instance profile");
        tx.delete(instanceProfiles, row.name);
      });
      return {};
    },

    /** One role at most, as in IAM; the same one again is one too many as well. */
    async AddRoleToInstanceProfile(input) {
      await change(input.InstanceProfileName, input.RoleName, (row, roleName) => {
        if (row.roleNames.length > 0)
          throw limitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
        return [roleName];
      });
      return {};
    },

    async RemoveRoleFromInstanceProfile(input) {
      await change(input.InstanceProfileName, input.RoleName, (row, roleName) => {
        if (!row.roleNames.includes(roleName))
          throw noSuchEntity(`Role ${roleName} is not in instance profile ${row.name}.`);
        return row.roleNames.filter((name) => name !== roleName);
      });
      return {};
    },
  } satisfies IamOperations;

  function change(
    profile: string | undefined,
    role: string | undefined,
    roleNames: (row: InstanceProfileRow, roleName: string) => readonly string[],
  ): Promise<void> {
    return store.transact((tx) => {
      const row = instanceProfileOf(tx, profile);
      const { name } = roleOf(tx, role);
      tx.put(instanceProfiles, row.name, { ...row, roleNames: roleNames(row, name) });
    });
  }
}
