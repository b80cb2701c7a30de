// HTTP to a Docker Engine over its unix socket: version, timeouts, bounded answers, and failures as EngineError.
// What an answer means is docker-engine.ts's; endpoints are those of Docker Engine API 1.24 and later.
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { EngineError } from "../port.ts";
import { negotiateVersion } from "./api-version.ts";

/** More than the largest honest answer (the list of some thousand containers); a larger one is refused. */
const ANSWER_LIMIT = 32 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

export interface DockerRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the version prefix, for instance `/containers/json`. Names in it are escaped by the caller. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Sent as a tar archive; destroyed when the request fails. */
  readonly archive?: Readable;
  /** Until the whole answer is there; for `open`, until its headers are. 30 seconds unless said otherwise. */
  readonly timeoutMs?: number;
}

export interface DockerAnswer {
  /** 2xx, or 304 for what is already so. */
  readonly status: number;
  readonly body: unknown;
}

/** An answer of 400 or more. `kind` follows the status: 404 `not-found`, 409 `conflict`, else `refused`. */
export class DockerRefusal extends EngineError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(status === 404 ? "not-found" : status === 409 ? "conflict" : "refused", message);
    this.status = status;
  }
}

export class DockerClient {
  readonly #socketPath: string;
  readonly #clock: Clock;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 4 });
  #version: Promise<string> | undefined;

  constructor(options: { readonly socketPath: string; readonly clock: Clock }) {
    this.#socketPath = options.socketPath;
    this.#clock = options.clock;
  }

  /** The whole answer. @throws DockerRefusal, EngineError `unreachable` (no engine, or no answer in time) */
  async send(request: DockerRequest): Promise<DockerAnswer> {
    return this.#exchange(request, `/v${await this.#negotiated()}`, (response) => readAnswer(response));
  }

  /** An answer that goes on: the caller reads and ends it. @throws as `send` */
  async open(request: DockerRequest): Promise<IncomingMessage> {
    return this.#exchange(request, `/v${await this.#negotiated()}`, async (response) => {
      if ((response.statusCode ?? 0) >= 300) await readAnswer(response);
      return response;
    });
  }

  /** The version in use, for instance `1.41`. @throws as `send` */
  version(): Promise<string> {
    return this.#negotiated();
  }

  /** Closes kept connections; requests under way go on. */
  close(): void {
    this.#agent.destroy();
  }

  /** Asked once, and anew after the engine was away: it may come back as another version. */
  #negotiated(): Promise<string> {
    if (this.#version !== undefined) return this.#version;
    const asked = this.#exchange({ method: "GET", path: "/_ping" }, "", async (response) => {
      const offered = response.headers["api-version"];
      await readAnswer(response);
      return negotiateVersion(typeof offered === "string" ? offered : undefined);
    });
    this.#version = asked;
    asked.catch(() => (this.#version = undefined));
    return asked;
  }

  async #exchange<T>(
    request: DockerRequest,
    prefix: string,
    read: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#attempt(request, prefix, read);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      this.#version = undefined;
      throw new EngineError("unreachable", `Docker at ${this.#socketPath}: ${messageOf(error)}`);
    }
  }

  #attempt<T>(
    { method, path, query, json, archive, timeoutMs = DEFAULT_TIMEOUT_MS }: DockerRequest,
    prefix: string,
    read: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
    return new Promise<T>((resolve, reject) => {
      const outgoing = httpRequest({
        socketPath: this.#socketPath,
        // A stale connection could fail a request in ways that look like a refusal to do it; an upload takes its own.
        agent: archive === undefined ? this.#agent : false,
        method,
        path: `${prefix}${path}${search}`,
        headers: {
          host: "docker",
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": body.length }),
          ...(archive === undefined ? {} : { "content-type": "application/x-tar" }),
        },
      });
      const timer = this.#clock.after(timeoutMs, () =>
        outgoing.destroy(
          new Error(`no answer to ${method} ${path} within ${Math.round(timeoutMs / 1000)} seconds`),
        ),
      );
      const fail = (error: Error) => {
        timer.cancel();
        reject(error);
      };
      outgoing.once("response", (response) => {
        read(response).then((value) => {
          timer.cancel();
          resolve(value);
        }, fail);
      });
      outgoing.on("error", fail);
      if (archive === undefined) {
        outgoing.end(body);
      } else {
        archive.once("error", (error) => outgoing.destroy(error));
        // Not at the answer: the engine may answer while it still reads.
        outgoing.once("close", () => archive.destroy());
        archive.pipe(outgoing);
      }
    });
  }
}

async function readAnswer(response: IncomingMessage): Promise<DockerAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_LIMIT)
      throw new EngineError("refused", `Docker's answer is larger than ${ANSWER_LIMIT} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const status = response.statusCode ?? 0;
  const isJson = (response.headers["content-type"] ?? "").startsWith("application/json");
  const body: unknown = isJson && text !== "" ? parse(text) : text;
  if (status >= 400 || (status >= 300 && status !== 304)) throw new DockerRefusal(status, refusalText(body));
  return { status, body };
}

/** `/images/load` answers lines of JSON under the type of one: what is not one document stays text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refusalText(body: unknown): string {
  const message = typeof body === "object" && body !== null ? (body as { message?: unknown }).message : body;
  return typeof message === "string" && message.trim() !== "" ? message.trim() : "Docker gave no reason";
}
