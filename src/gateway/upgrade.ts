// Who opens a websocket, or asks for what is no operation of an AWS service: signed like an API request, allowed like an action of
// IAM. The agent's two channels are `ecs:Poll` and `ecs:StartTelemetrySession`.
import type { IncomingMessage } from "node:http";
import type { Clock } from "#lib/clock.ts";
import type { ServiceError } from "#lib/errors.ts";
import { accessDenied, authError } from "./auth-errors.ts";
import { authenticate } from "./authenticate.ts";
import type { Authorizer, CredentialResolver, Permission, Principal } from "./service-definition.ts";
import { readSignature } from "./sigv4.ts";
import { header, readHead } from "./wire-request.ts";

/** What the connection is for; without it only the signature is checked. */
export interface UpgradePurpose {
  readonly action:
    "ecs:Poll" | "ecs:StartTelemetrySession" | "ecs:StopTask" | "ec2:SendSpotInstanceInterruptions";
  /** The ARN of the container instance, or of the instance. */
  readonly resource: string;
  readonly context?: NonNullable<Permission["context"]>;
}

export type UpgradeAuthentication =
  | { readonly principal: Principal; readonly region: string; readonly endpoint: string }
  /** Answer the upgrade with this status and text. */
  | { readonly refusal: ServiceError };

export function authenticateUpgrade(
  options: {
    readonly credentials: CredentialResolver;
    readonly authorizer: Authorizer;
    readonly clock: Clock;
  },
  req: IncomingMessage,
  purpose: UpgradePurpose | undefined,
): UpgradeAuthentication {
  const request = { ...readHead(req), body: new Uint8Array() };
  const presented = readSignature(request);
  const authentication = authenticate(request, presented, "ecs", options.credentials, options.clock.now());
  if ("failure" in authentication) return { refusal: authError("awsJson1_1", authentication.failure) };
  const { principal } = authentication;
  const region = presented !== undefined && "scope" in presented ? presented.scope.region : "";
  if (purpose !== undefined) {
    const { action, ...permission } = purpose;
    const denial = options.authorizer.authorize({
      principal,
      action,
      permissions: () => [permission],
      region,
      sourceIp: request.sourceIp,
      userAgent: header(request, "user-agent") ?? "",
    });
    if (denial !== undefined)
      return { refusal: authError("awsJson1_1", accessDenied(principal.arn, denial)) };
  }
  return { principal, region, endpoint: request.endpoint };
}
