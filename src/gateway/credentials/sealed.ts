// Session credentials that are not rows: the session token carries who it is for, encrypted; the secret is derived from
// the same key. Nothing is stored, so nothing is lost with a restart and any server with the key knows every session.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { CredentialResolver, Principal } from "../service-definition.ts";

interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Epoch milliseconds. */
  readonly expiration: number;
}

export interface SealedCredentialsOptions {
  /** 32 octets, kept with the server's state: whoever has it can be anybody. */
  readonly key: Uint8Array;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "hex" | "below">;
  /** Whether what the session was made for still is: a task's credentials die when the task is STOPPED. */
  readonly isAlive?: (principal: Principal) => boolean;
}

export interface SealedCredentials extends CredentialResolver {
  /** `expiresAt`: epoch milliseconds. */
  issue(session: { readonly principal: Principal; readonly expiresAt: number }): SessionCredentials;
}

/** What the token holds. Short names: it travels with every request. */
interface Envelope {
  readonly k: string;
  readonly p: Principal;
  /** Issued at and expires at, epoch milliseconds. */
  readonly i: number;
  readonly e: number;
}

const VERSION = 1;
const KEY_ID = 4;
const NONCE = 12;
const TAG = 16;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Throws RangeError for a key of the wrong length. */
export function createSealedCredentials(options: SealedCredentialsOptions): SealedCredentials {
  if (options.key.length !== 32) throw new RangeError("a sealing key has 32 octets");
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", options.key, "", `estiba session ${purpose}`, 32));
  const sealingKey = derive("token");
  const secretKey = derive("secret");
  // Names the key, so that a token of another installation is told apart without trying to open it.
  const keyId = createHash("sha256").update(sealingKey).digest().subarray(0, KEY_ID);
  const head = Buffer.concat([Buffer.from([VERSION]), keyId]);

  const secretOf = (accessKeyId: string, expiresAt: number): string =>
    createHmac("sha256", secretKey).update(`${accessKeyId}/${expiresAt}`).digest("base64").slice(0, 40);

  const open = (token: string): Envelope | undefined => {
    const sealed = Buffer.from(token, "base64");
    if (sealed.length < head.length + NONCE + TAG || !sealed.subarray(0, head.length).equals(head))
      return undefined;
    const nonce = sealed.subarray(head.length, head.length + NONCE);
    try {
      const decipher = createDecipheriv("aes-256-gcm", sealingKey, nonce, { authTagLength: TAG });
      decipher.setAAD(head).setAuthTag(sealed.subarray(-TAG));
      const text =
        decipher.update(sealed.subarray(head.length + NONCE, -TAG), undefined, "utf8") +
        decipher.final("utf8");
      return JSON.parse(text) as Envelope;
    } catch {
      return undefined;
    }
  };

  return {
    issue({ principal, expiresAt }) {
      const accessKeyId = `ASIA${Array.from({ length: 16 }, () => alphabet[options.random.below(32)]).join("")}`;
      const nonce = Buffer.from(options.random.hex(NONCE * 2), "hex");
      const envelope: Envelope = { k: accessKeyId, p: principal, i: options.clock.now(), e: expiresAt };
      const cipher = createCipheriv("aes-256-gcm", sealingKey, nonce, { authTagLength: TAG });
      cipher.setAAD(head);
      const sealed = Buffer.concat([cipher.update(JSON.stringify(envelope), "utf8"), cipher.final()]);
      const sessionToken = Buffer.concat([head, nonce, sealed, cipher.getAuthTag()]).toString("base64");
      return {
        accessKeyId,
        secretAccessKey: secretOf(accessKeyId, expiresAt),
        sessionToken,
        expiration: expiresAt,
      };
    },

    resolve(accessKeyId, sessionToken) {
      const envelope = sessionToken === undefined ? undefined : open(sessionToken);
      if (envelope === undefined || envelope.k !== accessKeyId) return undefined;
      if (envelope.e <= options.clock.now()) return "expired";
      if (options.isAlive?.(envelope.p) === false) return "expired";
      return { secretAccessKey: secretOf(accessKeyId, envelope.e), principal: envelope.p };
    },
  };
}
