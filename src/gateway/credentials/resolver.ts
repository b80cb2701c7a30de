// Which kind of credential an access key is: a long-lived one that somebody keeps, or a sealed session.
import type { CredentialResolver, Principal } from "../service-definition.ts";

export interface StaticCredential {
  readonly secretAccessKey: string;
  readonly principal: Principal;
}

/** `lookup` finds a long-lived access key (root's, a user's); `sessions` opens session tokens. */
export function createCredentialResolver(options: {
  readonly lookup: (accessKeyId: string) => StaticCredential | undefined;
  readonly sessions?: CredentialResolver;
}): CredentialResolver {
  return {
    resolve(accessKeyId, sessionToken) {
      // A long-lived key never comes with a session token, a session's key never without.
      if (sessionToken === undefined) return options.lookup(accessKeyId);
      return options.sessions?.resolve(accessKeyId, sessionToken);
    },
  };
}
