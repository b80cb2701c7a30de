// A permissions boundary as it is given: the ARN of a managed policy that is there.
import type { Reader } from "#store/store.ts";
import { checkPolicyArn } from "./constraints.ts";
import { noSuchEntity } from "./errors.ts";
import { findPolicy } from "./lookup.ts";

/** @throws NoSuchEntity, ValidationError */
export function boundaryGiven(
  reader: Reader,
  given: string | undefined,
): { readonly permissionsBoundary?: string } {
  if (given === undefined) return {};
  const arn = checkPolicyArn(given);
  if (findPolicy(reader, arn) === undefined)
    throw noSuchEntity(`Scope ARN: ${arn} does not exist or is not attachable.`);
  return { permissionsBoundary: arn };
}
