// How long a caller may take and how much it may send before the pipeline sees it: node's own limits, set in one place.
import { STATUS_CODES, type Server, type ServerOptions } from "node:http";
import type { Socket } from "node:net";

/** For createServer: node looks for overdue connections only this often, so the limits below are late by up to that. */
export const serverOptions: ServerOptions = { connectionsCheckingInterval: 5_000 };

/** Sets `server`'s timeouts and answers what is not HTTP. Call once on every listener that carries the gateway. */
export function applyServerLimits(server: Server): void {
  // A whole request must arrive within a minute, its headers within ten seconds; node answers 408 and closes.
  server.requestTimeout = 60_000;
  server.headersTimeout = 10_000;
  // Longer than the idle time of common clients and proxies, so that it is not we who close under a request.
  server.keepAliveTimeout = 75_000;
  server.maxHeadersCount = 100;
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    const statusCode = statusOf(error.code);
    const text = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
    (socket as Socket).end(text, () => socket.destroy());
  });
}

function statusOf(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return 408;
  return 400;
}
