// Keys that a caller may change: the account's own, by id or key ARN and by no alias.
import { ServiceError } from "#lib/errors.ts";
import type { KeyRow } from "#domain/kms/key.ts";
import type { Reader } from "#store/store.ts";
import { lengthWithin } from "./constraints.ts";
import { notFound } from "./errors.ts";
import { findKey, type Place } from "./keyring.ts";

/** @throws NotFoundException, InvalidArnException, AccessDeniedException for a service's own key, unless `serviceKeys` */
export function ownKeyOf(
  reader: Reader,
  place: Place,
  given: string | undefined,
  now: number,
  serviceKeys = false,
): KeyRow {
  const id = lengthWithin(given ?? "", "keyId", 1, 2048);
  if (id.startsWith("alias/")) throw notFound(`Invalid keyId '${id}'`);
  if (id.startsWith("arn:") && id.includes(":alias/"))
    throw new ServiceError("InvalidArnException", `${id} is not a key ARN`);
  const key = findKey(reader, place, id, now);
  if (key.manager === "AWS" && !serviceKeys)
    throw new ServiceError("AccessDeniedException", `${key.arn} is managed by AWS and cannot be changed.`);
  return key;
}
