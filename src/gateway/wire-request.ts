// An HTTP request as the pipeline sees it: read once, bounded, nothing interpreted.
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";

export interface WireRequest {
  readonly method: string;
  /** Path and query as they stand in the request line. */
  readonly rawPath: string;
  readonly rawQuery: string;
  /** Lower-case name → values in the order sent (node's own `headers` drops or joins repeated ones). */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
  readonly sourceIp: string;
  /** `http://host:port` by which the caller reached us. */
  readonly endpoint: string;
}

/** The caller went away before the request was whole: there is nobody to answer. */
export class RequestAborted extends Error {}

/** More octets than `limit`. */
export class BodyTooLarge extends Error {}

export function readHead(req: IncomingMessage): Omit<WireRequest, "body"> {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = (req.rawHeaders[i] ?? "").toLowerCase();
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [req.rawHeaders[i + 1] ?? ""]);
    else values.push(req.rawHeaders[i + 1] ?? "");
  }
  const target = req.url ?? "/";
  const question = target.indexOf("?");
  return {
    method: req.method ?? "GET",
    rawPath: question < 0 ? target : target.slice(0, question),
    rawQuery: question < 0 ? "" : target.slice(question + 1),
    headers,
    sourceIp: (req.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    endpoint: endpointOf(req),
  };
}

/**
 * The whole body. What exceeds the limit is read on and thrown away for a while, so that a client which is still
 * sending can hear the answer instead of a reset connection.
 */
export function readBody(req: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Gone before we looked: `close` will not come again.
    if (req.destroyed && !req.readableEnded) return reject(new RequestAborted());
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void) => {
      req.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      // A late error of the socket must not become an unhandled event.
      req.on("error", () => undefined);
      act();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else if (size > limit * 8) settle(() => reject(new BodyTooLarge()));
    };
    const onEnd = () =>
      settle(() => (size > limit ? reject(new BodyTooLarge()) : resolve(Buffer.concat(chunks, size))));
    const onClose = () => settle(() => reject(new RequestAborted()));
    req.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

export const header = (request: Pick<WireRequest, "headers">, name: string): string | undefined =>
  request.headers.get(name)?.[0];

/** A Host header is caller's text and ends up in answers: only what can be a host and port is used. */
function endpointOf(req: IncomingMessage): string {
  const scheme = (req.socket as Partial<TLSSocket>).encrypted === true ? "https" : "http";
  const host = req.headers.host ?? "";
  if (/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.test(host)) return `${scheme}://${host}`;
  const address = (req.socket.localAddress ?? "127.0.0.1").replace(/^::ffff:/, "");
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${req.socket.localPort ?? 0}`;
}
