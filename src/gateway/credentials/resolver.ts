// Which kind of credential an access key is: a long-lived one that somebody keeps, or a sealed session.
import type { CredentialResolver, Principal } from "../service-definition.ts";

export interface StaticCredential {
  readonly secretAccessKey: string;
  readonly principal: Principal;
}

/** `lookup` finds a long-lived access key (root's, a user's); `sessions` opens session tokens. */
export interface CredentialSources {
  readonly lookup: (accessKeyId: string) => StaticCredential | undefined;
  readonly sessions?: CredentialResolver;
  /** Whether the user or the role behind a session is still there: another of the same name is not it. */
  readonly isKnown?: (principal: Principal) => boolean;
  readonly used?: NonNullable<CredentialResolver["used"]>;
}

export function createCredentialResolver(options: CredentialSources): CredentialResolver {
  return {
    ...(options.used === undefined ? {} : { used: options.used }),
    resolve(accessKeyId, sessionToken) {
      // A long-lived key never comes with a session token, a session's key never without.
      if (sessionToken === undefined) return options.lookup(accessKeyId);
      const session = options.sessions?.resolve(accessKeyId, sessionToken);
      const isOfNobody = typeof session === "object" && options.isKnown?.(session.principal) === false;
      return isOfNobody ? undefined : session;
    },
  };
}
