// Writes one answer, whole or as a stream of frames, with the headers every AWS answer has.
import type { IncomingMessage, ServerResponse } from "node:http";

/** Resolves when all is handed over, or the caller has gone. */
export async function send(
  req: IncomingMessage,
  res: ServerResponse,
  answer: {
    readonly statusCode: number;
    readonly contentType: string;
    readonly body: string | AsyncIterable<Uint8Array>;
  },
  requestId: string,
  now: number,
): Promise<void> {
  if (res.destroyed || res.headersSent) return;
  const body = typeof answer.body === "string" ? Buffer.from(answer.body, "utf8") : answer.body;
  res.writeHead(answer.statusCode, {
    "content-type": answer.contentType,
    ...(Buffer.isBuffer(body) ? { "content-length": body.length } : {}),
    "x-amzn-requestid": requestId,
    // SDKs correct a wrong clock of their own by this header: it must be the clock that judged them.
    date: new Date(now).toUTCString(),
    // What was not read to its end cannot be followed by another request.
    ...(req.complete ? {} : { connection: "close" }),
  });
  if (!Buffer.isBuffer(body)) return sendFrames(res, body);
  res.end(req.method === "HEAD" ? undefined : body);
}

async function sendFrames(res: ServerResponse, frames: AsyncIterable<Uint8Array>): Promise<void> {
  // Looking at it again after each frame ends the stream of a caller who has gone.
  for await (const frame of frames) {
    if (res.destroyed) return;
    if (!res.write(frame))
      await new Promise<void>((resolve) => res.once("drain", resolve).once("close", resolve));
  }
  res.end();
}
