// Posts a sealed call over a connection of its own, and signs with it between which addresses it runs: so the other side can tell a
// call that was recorded and sent again from elsewhere.
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import type { Clock } from "./clock.ts";
import { sealedCall, type SealedAnswer, type SigningKey } from "./sealed-call.ts";

export interface SealedPost {
  /** `http://host:port` */
  readonly endpoint: string;
  readonly path: string;
  readonly key: SigningKey;
  /** The public key that must have signed the answer. */
  readonly server: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly clock: Pick<Clock, "now">;
}

/** The server, or somebody who stands for it, refused: the refusal itself is not signed. */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
}

const TIMEOUT_MS = 20_000;
const LONGEST_ANSWER = 1024 * 1024;

/** The answer. @throws BadSeal when it is not the server's, CallRefused, and what connecting throws */
export async function sealedPost(post: SealedPost): Promise<unknown> {
  const url = new URL(post.path, post.endpoint);
  if (url.protocol !== "http:")
    throw new CallRefused(`${post.endpoint} is not of the form http://host:port.`);
  const socket = await connected(url.hostname.replace(/^\[|\]$/g, ""), Number(url.port || 80));
  try {
    const plain = (address: string | undefined) => (address ?? "").replace(/^::ffff:/, "");
    const payload = {
      ...post.payload,
      address: plain(socket.localAddress),
      peer: plain(socket.remoteAddress),
    };
    const call = sealedCall(post.key, post.server, payload, post.clock.now());
    const { status, text } = await exchange(socket, url, JSON.stringify(call.request));
    if (status !== 200) throw new CallRefused(messageIn(text) ?? `The server answered ${status}.`);
    return call.open(JSON.parse(text) as SealedAnswer);
  } finally {
    socket.destroy();
  }
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`${host}:${port} does not answer.`)));
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

function exchange(socket: Socket, url: URL, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = httpRequest(url, { method: "POST", headers, createConnection: () => socket });
    request.once("error", reject);
    request.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > LONGEST_ANSWER) response.destroy(new Error("The answer is too long."));
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.end(body);
  });
}

function messageIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { readonly message?: string }).message;
  } catch {
    return undefined;
  }
}
