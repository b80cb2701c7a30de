// Secrets by name, ARN or an ARN without its last six characters; versions by id and stage.
import { parseArn } from "#lib/arn.ts";
import {
  CURRENT,
  isGone,
  secretKey,
  secretVersionKey,
  type SecretRow,
  type SecretVersionRow,
} from "#domain/secretsmanager/secret.ts";
import type { Reader } from "#store/store.ts";
import { secrets, secretVersions } from "#store/tables/secretsmanager.ts";
import { constraint, invalidRequest, markedForDeletion, secretNotFound, versionNotFound } from "./errors.ts";

export interface Place {
  readonly region: string;
  readonly account: string;
}

/** Of a name the longest. */
const LONGEST_NAME = 512;
const SUFFIX = "-XXXXXX".length;

export function findSecret(
  reader: Reader,
  { region, account }: Place,
  given: string,
  now: number,
): SecretRow | undefined {
  const get = (name: string) => {
    const row =
      name === "" || name.length > LONGEST_NAME ? undefined : reader.get(secrets, secretKey(region, name));
    return row === undefined || isGone(row, now) ? undefined : row;
  };
  const arn = parseArn(given);
  if (arn === undefined) return get(given);
  const name = /^secret:(.*)$/s.exec(arn.resource)?.[1];
  if (
    arn.service !== "secretsmanager" ||
    arn.region !== region ||
    arn.account !== account ||
    name === undefined
  )
    return undefined;
  const whole = get(name.slice(0, -SUFFIX));
  if (whole?.arn === given) return whole;
  // A partial ARN: one that could as well be whole (it ends like one) may mean another secret, so AWS advises against such names.
  return get(name);
}

/** @throws ValidationException, ResourceNotFoundException */
export function secretOf(reader: Reader, place: Place, given: string, now: number): SecretRow {
  if (given.length < 1)
    throw constraint(given, "secretId", "Member must have length greater than or equal to 1");
  if (given.length > 2048)
    throw constraint(given, "secretId", "Member must have length less than or equal to 2048");
  const row = findSecret(reader, place, given, now);
  if (row === undefined) throw secretNotFound();
  return row;
}

/** One that is not marked for deletion. @throws InvalidRequestException too */
export function liveSecretOf(reader: Reader, place: Place, given: string, now: number): SecretRow {
  const row = secretOf(reader, place, given, now);
  if (row.deletedAt !== undefined) throw markedForDeletion();
  return row;
}

export const getVersion = (reader: Reader, row: SecretRow, versionId: string): SecretVersionRow | undefined =>
  reader.get(secretVersions, secretVersionKey(row.id, versionId));

export const versionsOf = (reader: Reader, row: SecretRow): SecretVersionRow[] =>
  Array.from(reader.scan(secretVersions, { prefix: `${row.id}/` }), ([, version]) => version);

/** @throws ResourceNotFoundException, InvalidRequestException */
export function versionOf(
  reader: Reader,
  row: SecretRow,
  { versionId, stage }: { readonly versionId?: string | undefined; readonly stage?: string | undefined },
): SecretVersionRow {
  const label = stage ?? CURRENT;
  const id = versionId ?? (Object.hasOwn(row.stages, label) ? row.stages[label] : undefined);
  const found = id === undefined || id.length > 64 ? undefined : getVersion(reader, row, id);
  if (found?.value === undefined)
    throw versionNotFound(versionId === undefined ? `staging label: ${label}` : `VersionId: ${versionId}`);
  if (versionId !== undefined && stage !== undefined && row.stages[stage] !== versionId)
    throw invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.");
  return found;
}
