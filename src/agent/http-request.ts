// One HTTP request and its whole answer, over node:http; connections to the control plane are kept alive.
import { Agent as HttpAgent, request as httpRequestTo, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequestTo } from "node:https";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const MAXIMUM_BODY = 4 * 1024 * 1024;
const agents = {
  "http:": new HttpAgent({ keepAlive: true, maxSockets: 10 }),
  "https:": new HttpsAgent({ keepAlive: true, maxSockets: 10 }),
};

/** @throws when no whole answer came in time */
export function httpRequest(
  method: string,
  url: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    /** Silence after which the request is given up. */
    readonly timeoutMs: number;
  },
): Promise<HttpAnswer> {
  const target = new URL(url);
  const secure = target.protocol === "https:";
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequestTo : httpRequestTo)(
      target,
      { method, headers: { ...options.headers }, agent: secure ? agents["https:"] : agents["http:"] },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          if ((length += chunk.length) > MAXIMUM_BODY) request.destroy(new Error("The answer is too long."));
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    request.setTimeout(options.timeoutMs, () => request.destroy(new Error("No answer came in time.")));
    request.on("error", reject);
    request.end(options.body);
  });
}
