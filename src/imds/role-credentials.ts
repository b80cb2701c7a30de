// An instance's credentials of its profile's role: the same ones for a while, new ones well before the old expire, so that
// whoever holds the old ones has time to ask again.
import type { CredentialIssuer, TemporaryCredentials } from "#domain/ports/credential-issuer.ts";
import type { Clock } from "#lib/clock.ts";

export interface IssuedCredentials extends TemporaryCredentials {
  /** Epoch milliseconds. */
  readonly issuedAt: number;
}

export type RoleCredentials = (request: {
  readonly roleArn: string;
  readonly instanceId: string;
}) => IssuedCredentials;

/** They are replaced after half their life. */
export function createRoleCredentials(issuer: CredentialIssuer, clock: Pick<Clock, "now">): RoleCredentials {
  const issued = new Map<string, IssuedCredentials>();
  const isStale = (c: IssuedCredentials, now: number) => now >= (c.issuedAt + c.expiration) / 2;

  return (request) => {
    const now = clock.now();
    const key = `${request.instanceId} ${request.roleArn}`;
    const known = issued.get(key);
    if (known !== undefined && !isStale(known, now)) return known;
    // Those of instances that are gone go with the stale ones.
    for (const [other, credentials] of issued) if (isStale(credentials, now)) issued.delete(other);
    const made = { ...issuer.forInstance(request), issuedAt: now };
    issued.set(key, made);
    return made;
  };
}
