// The HTTP face of the server: which requests are the gateway's, which are health, reset or the agents' websockets.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { applyServerLimits, serverOptions } from "#gateway/server-limits.ts";

export interface Routes {
  /** Undefined while the server is starting, resetting or closing: API requests are then answered 503. */
  readonly api: () => ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | undefined;
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Undefined unless the server was started with --allow-reset. */
  readonly reset: ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | undefined;
  /** Interrupts the Spot Instance of this id. */
  readonly interruptSpot: (req: IncomingMessage, res: ServerResponse, instanceId: string) => Promise<void>;
  /** Other machines: tokens for them (root), their joining, and their calls afterwards. */
  readonly machines: Readonly<Record<string, (req: IncomingMessage, res: ServerResponse) => Promise<void>>>;
  readonly health: () => { readonly status: string };
}

/** `onError` hears of a route that threw; its caller is answered 500. */
export function createHttpServer(routes: Routes, onError: (error: unknown) => void): Server {
  const server = createServer(serverOptions, (req, res) => {
    answer(routes, req, res).catch((error: unknown) => {
      onError(error);
      if (res.headersSent) res.destroy();
      else sendJson(res, 500, { message: "The server failed to answer." });
    });
  });
  server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) =>
    routes.upgrade(req, socket, head),
  );
  applyServerLimits(server);
  return server;
}

async function answer(routes: Routes, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const path = req.url?.split("?", 1)[0];
  if (path === "/healthz" && (req.method === "GET" || req.method === "HEAD")) {
    const health = routes.health();
    return sendJson(res, health.status === "ok" ? 200 : 503, health);
  }
  if (path === "/" && isBrowser(req)) return sendText(res, WELCOME);
  if (path === "/_estiba/reset" && routes.reset !== undefined && req.method === "POST")
    return routes.reset(req, res);
  const spot = /^\/_estiba\/spot\/([^/]+)\/interrupt$/.exec(path ?? "")?.[1];
  if (spot !== undefined && req.method === "POST") return routes.interruptSpot(req, res, spot);
  const ofMachines = routes.machines[path ?? ""];
  if (ofMachines !== undefined && req.method === "POST") return ofMachines(req, res);
  if (path?.startsWith("/_estiba/") === true) return sendJson(res, 404, { message: "Not found" });
  const api = routes.api();
  if (api === undefined)
    return sendJson(res, 503, {
      __type: "ServiceUnavailableException",
      message: "The server is not ready yet.",
    });
  await api(req, res);
}

const WELCOME = `Estiba: an Amazon ECS on your own machines.

This is the endpoint for AWS clients, which sign their requests. In a shell:

  eval "$(estiba env)"
  aws ecs list-clusters

/healthz tells whether the server is ready.
`;

/** Someone looks by hand: no AWS client sends an unsigned GET without a query. */
const isBrowser = (req: IncomingMessage): boolean =>
  req.method === "GET" && req.url === "/" && req.headers.authorization === undefined;

function sendText(res: ServerResponse, text: string): void {
  res.writeHead(200, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  res.end(text);
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  res.end(text);
}

/** How this machine's own programs reach what listens on an address: a wildcard is no address that one can ask. */
export function reachableAddress(host: string): string {
  const address = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return address.includes(":") ? `[${address}]` : address;
}

/** Resolves with the bound port; rejects with a clear word when the address is taken or not there. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "another program listens there" : error.message;
      reject(new Error(`Cannot listen on ${host}:${port}: ${why}.`));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Stops listening and ends idle connections; what is being answered is answered. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setImmediate(() => server.closeAllConnections());
  });
}
