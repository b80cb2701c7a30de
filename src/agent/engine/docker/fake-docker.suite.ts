// A Docker Engine's socket that answers as a test tells it: for what a real engine does too rarely.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeDocker {
  readonly socketPath: string;
  readonly folder: string;
  /** `METHOD /path?query` of every request, the version prefix left out. */
  readonly requests: string[];
  /** Stops listening and ends every connection; the socket is gone. */
  stop(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

export interface FakeOptions {
  apiVersion?: string;
  /** By the same key as `requests`, without the query; what is not there answers 404. */
  readonly routes?: Readonly<
    Record<string, (response: ServerResponse, request: IncomingMessage, body: string) => void>
  >;
}

export async function startFakeDocker(options: FakeOptions): Promise<FakeDocker> {
  const folder = mkdtempSync(join(tmpdir(), "estiba-fake-docker-"));
  const socketPath = join(folder, "docker.sock");
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = (request.url ?? "").replace(/^\/v1\.\d+/, "");
    requests.push(`${request.method ?? ""} ${url}`);
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      if (url === "/_ping") {
        response.setHeader("Api-Version", options.apiVersion ?? "1.41");
        return response.end("OK");
      }
      const route =
        options.routes?.[`${request.method ?? ""} ${decodeURIComponent(url.split("?")[0] ?? "")}`];
      if (route === undefined) return answer(response, 404, { message: `nothing at ${url}` });
      return route(response, request, body);
    });
  });
  const start = () => new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await start();
  return {
    socketPath,
    folder,
    requests,
    start,
    stop,
    async dispose() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
