// Members of a request that are not honoured are refused by name. The honoured ones are listed, so that a member which a newer
// SDK brings is refused too. A member that asks for nothing (false, an empty list or structure) is as good as absent.
import { notImplemented } from "./errors.ts";

/**
 * @param honoured every member that the operation acts on
 * @param path where the structure stands, for the message: `containerDefinitions[0].`
 * @throws the code given, with the name of the first member that is not honoured
 */
export function honourOnly<T extends object>(
  input: T,
  honoured: readonly (keyof T & string)[],
  code: "ClientException" | "InvalidParameterException" = "InvalidParameterException",
  path = "",
): void {
  const known: ReadonlySet<string> = new Set(honoured);
  for (const [name, value] of Object.entries(input)) {
    if (!known.has(name) && !asksForNothing(value)) throw notImplemented(`The member '${path}${name}'`, code);
  }
}

export function asksForNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.values(value).every((v) => v === undefined);
}
