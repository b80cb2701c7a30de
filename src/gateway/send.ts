// Writes one answer, whole, with the headers every AWS answer has.
import type { IncomingMessage, ServerResponse } from "node:http";

export function send(
  req: IncomingMessage,
  res: ServerResponse,
  answer: { readonly statusCode: number; readonly contentType: string; readonly body: string },
  requestId: string,
  now: number,
): void {
  if (res.destroyed || res.headersSent) return;
  const body = Buffer.from(answer.body, "utf8");
  res.writeHead(answer.statusCode, {
    "content-type": answer.contentType,
    "content-length": body.length,
    "x-amzn-requestid": requestId,
    // SDKs correct a wrong clock of their own by this header: it must be the clock that judged them.
    date: new Date(now).toUTCString(),
    // What was not read to its end cannot be followed by another request.
    ...(req.complete ? {} : { connection: "close" }),
  });
  res.end(req.method === "HEAD" ? undefined : body);
}
