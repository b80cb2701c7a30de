// A websocket (npm ws) as a Duplex. No permessage-deflate and bounded frames, on both sides.
import type { IncomingMessage } from "node:http";
import type { Duplex as Stream } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { MAXIMUM_FRAME_BYTES } from "./codec.ts";
import { Inbox, type Duplex } from "./duplex.ts";

export function websocketDuplex(socket: WebSocket): Duplex {
  // A broken connection ends with `close` as well; without a listener the error would end the process.
  socket.on("error", () => {});
  // From now on, not from when somebody listens: the first frames come in the same packet as the upgrade's answer.
  const inbox = new Inbox();
  socket.on("message", (data, isBinary) => {
    // What still comes until the peer has closed as well is for nobody: who closes has let go of what would act on it.
    if (inbox.closed) return;
    if (isBinary) socket.close(1003, "text frames only");
    else inbox.frame((data as Buffer).toString("utf8"));
  });
  socket.on("close", (code, reason) => inbox.end(code, reason.toString("utf8")));
  return {
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    },
    onMessage: (listener) => inbox.onMessage(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: (code = 1000, reason = "") => {
      inbox.end(code, reason);
      socket.close(code, reason);
      // A peer that never answers the close must not keep the socket.
      if (socket.readyState !== WebSocket.CLOSED)
        setImmediate(() => socket.readyState === WebSocket.CLOSING && socket.terminate());
    },
  };
}

/** Accepts upgrades on behalf of an HTTP server. */
export function createWebsocketAcceptor(): (
  req: IncomingMessage,
  socket: Stream,
  head: Buffer,
  accepted: (duplex: Duplex) => void,
) => void {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAXIMUM_FRAME_BYTES,
  });
  return (req, socket, head, accepted) =>
    server.handleUpgrade(req, socket, head, (websocket) => accepted(websocketDuplex(websocket)));
}

export class ConnectionRefused extends Error {
  override readonly name = "ConnectionRefused";
  readonly statusCode: number;
  /** The answer's body. */
  readonly body: string;

  constructor(statusCode: number, body: string) {
    super(`The server refused the connection with ${statusCode}: ${body.slice(0, 500)}`);
    this.statusCode = statusCode;
    this.body = body;
  }
}

/** Opens a connection. Rejects with ConnectionRefused when the server answers otherwise than 101. */
export function connectWebsocket(url: string, headers: Readonly<Record<string, string>>): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      headers: { ...headers },
      perMessageDeflate: false,
      maxPayload: MAXIMUM_FRAME_BYTES,
      handshakeTimeout: 30_000,
    });
    const duplex = websocketDuplex(socket);
    socket.once("open", () => resolve(duplex));
    socket.once("error", reject);
    socket.once("unexpected-response", (request, response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body = (body + chunk).slice(0, 4096)));
      response.on("end", () => {
        request.destroy();
        reject(new ConnectionRefused(response.statusCode ?? 0, body));
      });
    });
  });
}
