// Which version of the Docker Engine API to speak: the newest that both sides know. Pure.
import { EngineError } from "../port.ts";

/** What the requests of this folder were written against. Engines that dropped old versions still take the newest. */
const NEWEST = "1.47";
const OLDEST = "1.24";

/**
 * @param offered the engine's `Api-Version`: the newest it knows
 * @throws EngineError `refused` when the engine is too old or names none
 */
export function negotiateVersion(offered: string | undefined): string {
  if (offered === undefined || !/^1\.\d{1,4}$/.test(offered))
    throw new EngineError("refused", "The engine names no Docker API version: is it a Docker Engine?");
  if (compareVersions(offered, OLDEST) < 0)
    throw new EngineError(
      "refused",
      `The engine speaks Docker API ${offered}; ${OLDEST} or later is needed (Docker 1.12).`,
    );
  return compareVersions(offered, NEWEST) > 0 ? NEWEST : offered;
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`; both `1.<number>`. */
export function compareVersions(a: string, b: string): number {
  return Number(a.slice(2)) - Number(b.slice(2));
}
