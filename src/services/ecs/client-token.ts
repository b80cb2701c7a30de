// RunTask's client token: its form, and the fingerprint of a request, by which the token's use for another request is seen.
import { createHash } from "node:crypto";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { Reader } from "#store/store.ts";
import { tasks } from "#store/tables/ecs.ts";
import { conflict, invalidParameter } from "./errors.ts";

/** @throws InvalidParameterException */
export function checkClientToken(token: string | undefined): string | undefined {
  if (token !== undefined && !/^[!-~]{1,64}$/.test(token))
    throw invalidParameter("Invalid client token: it must have 1 to 64 characters in the range 33 to 126.");
  return token;
}

/** Equal for equal requests, in whatever order their members came. */
export const fingerprintOf = (request: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(ordered(request)))
    .digest("base64url")
    .slice(0, 22);

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, ordered(member)]),
  );
}

/** The tasks that the token made before, none when it is new. @throws ConflictException */
export function tasksOfToken(
  rows: Reader,
  region: string,
  token: string | undefined,
  fingerprint: string,
): readonly TaskRow[] {
  if (token === undefined) return [];
  const known = rows.find(tasks, "clientToken", `${region}/${token}`).map(([, row]) => row);
  checkSameRequest(known, fingerprint);
  return known;
}

/** @throws ConflictException when the tasks are those of another request with the same token */
export function checkSameRequest(known: readonly TaskRow[], fingerprint: string): void {
  if (known.some((task) => task.requestFingerprint !== fingerprint))
    throw conflict(
      "The provided clientToken is already in use with a different RunTask request.",
      known.map((task) => task.arn),
    );
}
