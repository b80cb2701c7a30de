// The HTTP server that tasks reach as 169.254.170.2: their role's credentials, the task metadata endpoint and their protection. It
// listens on loopback; the network's NAT rules lead there. Who may ask is settled by the unguessable id in the path, as on ECS.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RoleCredentials } from "#acs/messages.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { messageOf } from "#lib/errors.ts";
import type { MetadataSource } from "./metadata/port.ts";
import { SourceLimiter, type RequestRate } from "./metadata/request-rate.ts";
import { metadataAnswer, type LocalAnswer } from "./metadata/routes.ts";
import type { ProtectionEndpoint } from "./task-protection.ts";

/** The port that the redirect of 169.254.170.2:80 leads to. */
export const CREDENTIALS_PORT = 51679;

/** ECS_TASK_METADATA_RPS_LIMIT's default. */
const DEFAULT_RATE: RequestRate = { perSecond: 40, burst: 60 };
const DEFAULT_TIMEOUT_MS = 5_000;
const CONNECTIONS = 512;
const MAXIMUM_BODY = 4 * 1024;

export interface CredentialSource {
  get(credentialsId: string): RoleCredentials | undefined;
  /** Whether a task of this host has the id: its credentials are still to come, as after a restart of the agent. */
  expects(credentialsId: string): boolean;
}

export interface CredentialsServerOptions {
  readonly credentials: CredentialSource;
  readonly metadata: MetadataSource;
  readonly protection: ProtectionEndpoint;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 51679 unless said otherwise; 0 for any. */
  readonly port?: number;
  /** Per source address. */
  readonly rate?: RequestRate;
  /** For a request to come in whole, and for an idle connection; 5000 unless said otherwise. */
  readonly timeoutMs?: number;
}

export interface CredentialsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves when it listens. @throws Error when the port is taken */
export async function startCredentialsServer(options: CredentialsServerOptions): Promise<CredentialsServer> {
  const { clock, logger } = options;
  const limiter = new SourceLimiter(options.rate ?? DEFAULT_RATE, clock);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const server = createServer(
    {
      maxHeaderSize: 8 * 1024,
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      keepAliveTimeout: timeoutMs,
      connectionsCheckingInterval: Math.min(1_000, timeoutMs),
    },
    (request, response) => {
      answerTo(request, options, limiter)
        .catch((error: unknown): LocalAnswer => {
          logger.error("A task's request failed.", {
            endpoint: endpointOf(request),
            reason: messageOf(error),
          });
          return { status: 500, body: "internal error" };
        })
        .then((answer) => {
          // Never the path: the id in it is what gives the credentials.
          logger.debug("Answered a task.", {
            endpoint: endpointOf(request),
            source: request.socket.remoteAddress,
            status: answer.status,
          });
          send(response, answer);
        })
        // Whoever asked has gone.
        .catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS;
  await listen(server, options.port ?? CREDENTIALS_PORT);
  server.on("error", (error) => logger.error("The credentials server failed.", { reason: messageOf(error) }));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerTo(
  request: IncomingMessage,
  { credentials, metadata, protection }: CredentialsServerOptions,
  limiter: SourceLimiter,
): Promise<LocalAnswer> {
  const { method = "" } = request;
  if (method !== "GET" && method !== "PUT") return { status: 405, body: "only GET is served" };
  const source = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  if (!limiter.admits(source)) return { status: 429, body: "more requests than the rate limit allows" };
  const base = "http://169.254.170.2";
  if (!URL.canParse(request.url ?? "", base)) return { status: 400, body: "the path is malformed" };
  const url = new URL(request.url ?? "", base);
  if (url.pathname.startsWith("/api/")) {
    const body = method === "PUT" ? await readBody(request) : "";
    if (body === undefined) return { status: 413, body: "the body is too long" };
    return (await protection(method, url.pathname, body)) ?? { status: 404, body: "no such endpoint" };
  }
  if (method !== "GET") return { status: 405, body: "only GET is served" };
  return (
    credentialsAnswer(credentials, url) ??
    (await metadataAnswer(metadata, url.pathname, source)) ?? { status: 404, body: "no such endpoint" }
  );
}

/** Undefined when it is longer than anything that is asked for here: the rest stays unread. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if ((length += chunk.length) <= MAXIMUM_BODY) return;
      request.pause();
      resolve(undefined);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

/** `/v1/credentials?id=<id>` and `/v2/credentials/<id>`; undefined for a path of something else. */
function credentialsAnswer(source: CredentialSource, url: URL): LocalAnswer | undefined {
  const [, version, endpoint, inPath = ""] = url.pathname.split("/");
  if (endpoint !== "credentials" || (version !== "v1" && version !== "v2")) return undefined;
  const refuse = (status: number, code: string, text: string): LocalAnswer => ({
    status,
    body: { code, message: `Credentials${version.toUpperCase()}Request: ${text}`, HTTPErrorCode: status },
  });
  const id = version === "v1" ? (url.searchParams.get("id") ?? "") : inPath;
  if (id === "") return refuse(400, "NoIdInRequest", "No Credential ID in the request");
  let found: RoleCredentials | undefined;
  try {
    found = source.get(id);
    if (found === undefined && !source.expects(id))
      return refuse(400, "InvalidIdInRequest", "Credentials not found");
  } catch {
    return refuse(500, "InternalServerError", "Internal server error");
  }
  // SDKs try again after a 503, and give up after a 400.
  if (found === undefined || found.accessKeyId === "")
    return refuse(503, "CredentialsUninitialized", "Credentials uninitialized for ID");
  return {
    status: 200,
    body: {
      RoleArn: found.roleArn,
      AccessKeyId: found.accessKeyId,
      SecretAccessKey: found.secretAccessKey,
      Token: found.sessionToken,
      Expiration: found.expiration,
    },
  };
}

function send(response: ServerResponse, { status, body }: LocalAnswer): void {
  const content = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": content.length,
    "cache-control": "no-store",
    // What a refused method sent stays unread.
    ...(status === 405 || status === 413 ? { connection: "close" } : {}),
  });
  response.end(content);
}

/** The part of a path that is no secret: `v2/credentials`, `v4`. */
function endpointOf(request: IncomingMessage): string {
  const [, version = "", endpoint] = (request.url ?? "").split(/[/?]/);
  return endpoint === "credentials" ? `${version}/credentials` : version.slice(0, 8);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
