// The control plane over the network: awsJson 1.1 calls and websocket upgrades, each signed with the host's credentials.
import type { Clock } from "#lib/clock.ts";
import { signRequest, type SigningCredentials } from "#lib/sigv4-sign.ts";
import { signedFrames } from "#acs/client-telemetry-session.ts";
import { agentQueryString, type AgentQuery } from "#acs/upgrade-query.ts";
import { connectWebsocket } from "#acs/websocket-duplex.ts";
import { callAwsJson } from "./aws-json.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";

const TARGET = "AmazonEC2ContainerServiceV20141113";
const SERVICE = "ecs";
/** The stock agent's bound for one call. */
const CALL_TIMEOUT_MS = 42_000;
/** Poll endpoints are asked for anew after this; an old answer serves while none comes. */
const ENDPOINT_KEPT_MS = 12 * 60 * 60 * 1000;
/** Headers of a signed frame, in the spelling in which the stock agent sends them. */
const FRAME_HEADERS = {
  authorization: "Authorization",
  host: "Host",
  "x-amz-date": "X-Amz-Date",
  "x-amz-security-token": "X-Amz-Security-Token",
} as const;

export interface HttpControlPlaneOptions {
  /** Base URL of the ECS API. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Promise<SigningCredentials>;
  readonly clock: Clock;
  readonly userAgent: string;
  /** For a call's answer; 42 seconds unless said otherwise. */
  readonly callTimeoutMs?: number;
}

export function createHttpControlPlane(options: HttpControlPlaneOptions): ControlPlane {
  const { endpoint, region, clock } = options;
  let endpoints:
    { readonly of: string; readonly at: number; readonly acs: string; readonly tcs: string } | undefined;

  const sign = async (url: string, body: string) =>
    signRequest({
      method: "GET",
      url,
      headers: {},
      body,
      bareHash: true,
      credentials: await options.credentials(),
      region,
      service: SERVICE,
      time: clock.now(),
    });

  const target = {
    endpoint,
    region,
    service: SERVICE,
    target: TARGET,
    clock,
    userAgent: options.userAgent,
    timeoutMs: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
  };
  const call: ControlPlane["call"] = (operation, input) =>
    callAwsJson(target, options.credentials, operation, input);

  const discover = async (query: AgentQuery): Promise<string> => {
    const known = endpoints;
    const of = query.containerInstanceArn;
    if (known?.of !== of || clock.monotonic() - known.at > ENDPOINT_KEPT_MS) {
      try {
        const found = await call("DiscoverPollEndpoint", {
          containerInstance: of,
          cluster: query.cluster,
          zoneId: "",
        });
        const [acs, tcs] = [found["endpoint"], found["telemetryEndpoint"]];
        if (typeof acs !== "string" || typeof tcs !== "string")
          throw new CallFailed("InvalidAnswer", "DiscoverPollEndpoint named no endpoints.");
        endpoints = { of, at: clock.monotonic(), acs, tcs };
      } catch (error) {
        if (known?.of !== of) throw error;
      }
    }
    const base = (endpoints ?? known)?.[query.channel] ?? "";
    return `${base.replace(/\/+$/, "")}/ws?${agentQueryString(query)}`;
  };

  return {
    call,
    async open(query) {
      const url = await discover(query);
      const socketUrl = url.replace(/^http/, "ws");
      const headers = await sign(url, "");
      // The request's own host is the websocket client's to write.
      const { host: _, ...rest } = headers;
      const duplex = await connectWebsocket(socketUrl, { ...rest, "user-agent": options.userAgent });
      if (query.channel === "acs") return duplex;
      return signedFrames(duplex, async (payload) => {
        const signed = await sign(url, payload);
        return Object.fromEntries(
          Object.entries(FRAME_HEADERS).flatMap(([name, spelt]) =>
            signed[name] === undefined ? [] : [[spelt, signed[name]]],
          ),
        );
      });
    },
  };
}
