// IMDSv2's session tokens: they say for which instance and until when, signed. Nothing is stored, so that a token survives
// a restart of the server, and one instance's token is worth nothing from another.
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";

/** Seconds a token may live (EC2 User Guide, "Use the Instance Metadata Service to access instance metadata"). */
export const MAXIMUM_TOKEN_SECONDS = 21_600;

export interface SessionTokens {
  issue(instanceId: string, seconds: number): string;
  isValid(token: string, instanceId: string): boolean;
}

export function createSessionTokens(parts: {
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "hex">;
  /** Signs a text; only this server can. Identity documents begin with a brace, so neither passes for the other. */
  readonly sign: (text: string) => string;
}): SessionTokens {
  const seal = (instanceId: string, expires: string, nonce: string) =>
    parts.sign(`metadata token ${instanceId} ${expires} ${nonce}`).replace(/\+/g, "-").replace(/\//g, "_");

  return {
    issue(instanceId, seconds) {
      const expires = (parts.clock.now() + seconds * 1000).toString(36);
      const nonce = parts.random.hex(8);
      return `${expires}.${nonce}.${seal(instanceId, expires, nonce)}`;
    },
    isValid(token, instanceId) {
      const [expires, nonce, signature, ...rest] = token.split(".");
      if (expires === undefined || nonce === undefined || signature === undefined || rest.length > 0)
        return false;
      const given = Buffer.from(signature);
      const own = Buffer.from(seal(instanceId, expires, nonce));
      if (given.length !== own.length || !timingSafeEqual(given, own)) return false;
      return Number.parseInt(expires, 36) > parts.clock.now();
    },
  };
}
