// Who calls: the credentials behind the presented signature, and whether the signature stands.
import type { AuthFailure } from "./auth-errors.ts";
import type { CredentialResolver, Principal } from "./service-definition.ts";
import { checkSignature, type PresentedSignature } from "./sigv4.ts";
import type { WireRequest } from "./wire-request.ts";

export type Authentication = { readonly principal: Principal } | { readonly failure: AuthFailure };

/** `presented` comes from readSignature; `service` is the signing name that the scope must carry; `now` epoch ms. */
export function authenticate(
  request: WireRequest,
  presented: PresentedSignature | { readonly failure: AuthFailure } | undefined,
  service: string,
  credentials: CredentialResolver,
  now: number,
): Authentication {
  if (presented === undefined) return { failure: { kind: "missingToken" } };
  if ("failure" in presented) return presented;
  const found = credentials.resolve(presented.accessKeyId, presented.sessionToken);
  if (found === undefined) return { failure: { kind: "unknownKey" } };
  if (found === "expired") return { failure: { kind: "expiredToken" } };
  const failure = checkSignature(request, presented, found.secretAccessKey, service, now);
  if (failure !== undefined) return { failure };
  credentials.used?.(presented.accessKeyId, presented.scope);
  return { principal: found.principal };
}
