// Credentials of a machine that joined and is no EC2 instance: asked of the server with the key that the machine keeps, and kept in
// memory until shortly before they expire.
import { readFile } from "node:fs/promises";
import type { Clock } from "#lib/clock.ts";
import { signingKey } from "#lib/sealed-call.ts";
import { sealedPost } from "#lib/sealed-post.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { MACHINE_PATH, type ExternalAnswer, type GoneAnswer, type MachineFile } from "#domain/join/answer.ts";

const RENEW_BEFORE_MS = 60 * 60_000;

/** @param path of the file that joining wrote */
export function createJoinedCredentials(path: string, clock: Clock): () => Promise<SigningCredentials> {
  let known: ExternalAnswer["credentials"] | undefined;
  let renewal: Promise<SigningCredentials> | undefined;

  const renew = async (): Promise<SigningCredentials> => {
    const { endpoint, serverPublicKey, seed } = JSON.parse(await readFile(path, "utf8")) as MachineFile;
    const key = signingKey(Buffer.from(seed, "base64url"));
    const call = { endpoint, path: MACHINE_PATH, key, server: serverPublicKey, payload: {}, clock };
    const answer = (await sealedPost(call)) as ExternalAnswer | GoneAnswer;
    if (answer.state === "gone") throw new Error(answer.reason);
    known = answer.credentials;
    return known;
  };

  return () => {
    const have = known;
    if (have !== undefined && clock.now() < have.expiration - RENEW_BEFORE_MS) return Promise.resolve(have);
    renewal ??= renew().finally(() => (renewal = undefined));
    // What is about to expire still serves when the server is away.
    return have === undefined
      ? renewal
      : renewal.catch((error: unknown) => {
          if (clock.now() < have.expiration) return have;
          throw error;
        });
  };
}
