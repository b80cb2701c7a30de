// The end of a parameter and of all its versions, which are more than one transaction takes.
import { parameterVersionKey, type ParameterRow } from "#domain/ssm/parameter.ts";
import type { Store } from "#store/store.ts";
import { parameters, parameterVersions } from "#store/tables/ssm.ts";
import { versionsOf } from "./lookup.ts";

const BATCH = 60;

/** Resolves with whether it removed one: what is there under the key is asked whether it is to go. */
export async function removeParameter(
  store: Store,
  key: string,
  isToGo: (row: ParameterRow) => boolean,
): Promise<boolean> {
  for (;;) {
    const left = await store.transact((tx) => {
      const row = tx.get(parameters, key);
      if (row === undefined || !isToGo(row)) return undefined;
      const versions = versionsOf(tx, row);
      for (const { version } of versions.slice(0, BATCH))
        tx.delete(parameterVersions, parameterVersionKey(row.id, version));
      if (versions.length <= BATCH) tx.delete(parameters, key);
      // What is left for a moment, or after a crash, is a parameter with fewer old versions.
      else tx.put(parameters, key, { ...row, oldestVersion: row.oldestVersion + BATCH });
      return versions.length > BATCH;
    });
    if (left !== true) return left === false;
  }
}
