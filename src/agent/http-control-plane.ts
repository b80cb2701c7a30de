// The control plane over the network: awsJson 1.1 calls and websocket upgrades, each signed with the host's credentials.
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { signRequest, type SigningCredentials } from "#lib/sigv4-sign.ts";
import { signedFrames } from "#acs/client-telemetry-session.ts";
import { agentQueryString, type AgentQuery } from "#acs/upgrade-query.ts";
import { connectWebsocket } from "#acs/websocket-duplex.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";
import { httpRequest } from "./http-request.ts";

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

  const sign = async (
    method: "GET" | "POST",
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ) =>
    signRequest({
      method,
      url,
      headers,
      body,
      bareHash: method === "GET",
      credentials: await options.credentials(),
      region,
      service: SERVICE,
      time: clock.now(),
    });

  const call: ControlPlane["call"] = async (operation, input) => {
    const url = `${endpoint}/`;
    const body = JSON.stringify(input);
    const answer = await unreachable(async () => {
      const headers = await sign(
        "POST",
        url,
        { "content-type": "application/x-amz-json-1.1", "x-amz-target": `${TARGET}.${operation}` },
        body,
      );
      return httpRequest("POST", url, {
        headers: {
          ...headers,
          "user-agent": options.userAgent,
          "content-length": `${Buffer.byteLength(body)}`,
        },
        body,
        timeoutMs: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
      });
    });
    const members = jsonObject(answer.body);
    if (answer.status === 200) return members;
    const requestId = answer.headers["x-amzn-requestid"];
    const said = members["message"] ?? members["Message"];
    throw new CallFailed(
      codeOf(members, answer.status),
      typeof said === "string" ? said : `${operation} was answered with ${answer.status}.`,
      { status: answer.status, ...(typeof requestId === "string" ? { requestId } : {}) },
    );
  };

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
      const headers = await sign("GET", url, {}, "");
      // The request's own host is the websocket client's to write.
      const { host: _, ...rest } = headers;
      const duplex = await connectWebsocket(socketUrl, { ...rest, "user-agent": options.userAgent });
      if (query.channel === "acs") return duplex;
      return signedFrames(duplex, async (payload) => {
        const signed = await sign("GET", url, {}, payload);
        return Object.fromEntries(
          Object.entries(FRAME_HEADERS).flatMap(([name, spelt]) =>
            signed[name] === undefined ? [] : [[spelt, signed[name]]],
          ),
        );
      });
    },
  };
}

async function unreachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CallFailed("Unreachable", messageOf(error));
  }
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // An answer that is no JSON has no members; its status tells what it was.
  }
  return {};
}

function codeOf(members: Readonly<Record<string, unknown>>, status: number): string {
  const type = members["__type"] ?? members["code"];
  if (typeof type === "string") return type.slice(type.indexOf("#") + 1);
  return status >= 500 ? "ServerException" : `HTTP${status}`;
}
