// GetRandomPassword: characters of the kinds that are asked for, one of each kind at least.
import type { GetRandomPasswordCommandInput } from "@aws-sdk/client-secrets-manager";
import type { Random } from "#lib/random.ts";
import { constraint, invalidParameter } from "./errors.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const DEFAULT_LENGTH = 32;

/** @throws ValidationException, InvalidParameterException */
export function randomPassword(input: GetRandomPasswordCommandInput, random: Pick<Random, "below">): string {
  const length = input.PasswordLength ?? DEFAULT_LENGTH;
  if (!Number.isInteger(length) || length < 1)
    throw constraint(length, "passwordLength", "Member must have value greater than or equal to 1");
  if (length > 4096)
    throw constraint(length, "passwordLength", "Member must have value less than or equal to 4096");
  const excluded = new Set(input.ExcludeCharacters ?? "");
  if ((input.ExcludeCharacters ?? "").length > 4096)
    throw constraint("*", "excludeCharacters", "Member must have length less than or equal to 4096");
  const kinds = [
    input.ExcludeLowercase === true ? "" : LOWER,
    input.ExcludeUppercase === true ? "" : LOWER.toUpperCase(),
    input.ExcludeNumbers === true ? "" : "0123456789",
    input.ExcludePunctuation === true ? "" : PUNCTUATION,
    input.IncludeSpace === true ? " " : "",
  ]
    .map((kind) => [...kind].filter((character) => !excluded.has(character)))
    .filter((kind) => kind.length > 0);
  const all = kinds.flat();
  if (all.length === 0) throw invalidParameter("You can't exclude all the characters of a password.");
  const needed = input.RequireEachIncludedType === false ? [] : kinds;
  if (needed.length > length)
    throw invalidParameter(
      "Password length must be at least the number of the character types that it includes.",
    );
  const draw = (from: readonly string[]) => from[random.below(from.length)] ?? "";
  const password = [...needed.map(draw), ...Array.from({ length: length - needed.length }, () => draw(all))];
  // Fisher and Yates: the needed ones must not stand first.
  for (let i = password.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [password[i], password[j]] = [password[j] ?? "", password[i] ?? ""];
  }
  return password.join("");
}
