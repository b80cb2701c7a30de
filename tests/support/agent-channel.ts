// An agent's channel as a test opens it: signed by whom the test likes, and what was heard over it.
import { agentQueryString, type AgentQuery } from "#acs/upgrade-query.ts";
import { ConnectionRefused, connectWebsocket } from "#acs/websocket-duplex.ts";
import { decodeFromServer, encodeEnvelope } from "#acs/codec.ts";
import type { AcsServerMessages, Envelope } from "#acs/messages.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import type { Signer } from "./signed-request.ts";

export interface OpenChannel {
  readonly heard: readonly Envelope<AcsServerMessages>[];
  /** The close's code once it is closed. */
  readonly closed: () => number | undefined;
  send(type: string, message: object): void;
  /** Sends a frame as it stands. */
  sendText(frame: string): void;
  close(): void;
}

/** @throws ConnectionRefused */
export async function openChannel(
  channel: AgentQuery["channel"],
  containerInstanceArn: string,
  signer: Signer,
): Promise<OpenChannel> {
  const query = agentQueryString({ channel, containerInstanceArn, cluster: "web", sendCredentials: true });
  const url = `${signer.endpoint}/${channel}/ws?${query}`;
  const { host: _, ...headers } = signRequest({
    method: "GET",
    url,
    credentials: signer.credentials,
    region: signer.region ?? "us-east-1",
    service: signer.scopeService ?? "ecs",
    time: signer.time ?? Date.now(),
  });
  const duplex = await connectWebsocket(url.replace(/^http/, "ws"), headers);
  const heard: Envelope<AcsServerMessages>[] = [];
  let closed: number | undefined;
  duplex.onMessage((frame) => {
    const decoded = decodeFromServer(frame);
    if (!(decoded instanceof Error) && !("unknown" in decoded)) heard.push(decoded);
  });
  duplex.onClose((code) => void (closed = code));
  return {
    heard,
    closed: () => closed,
    send: (type, message) => duplex.send(encodeEnvelope({ type, message })),
    sendText: (frame) => duplex.send(frame),
    close: () => duplex.close(),
  };
}

/** How an upgrade is refused; undefined when it is not, and then the channel is closed again. */
export async function channelRefusal(
  ...of: Parameters<typeof openChannel>
): Promise<{ readonly status: number; readonly type: string; readonly message: string } | undefined> {
  try {
    (await openChannel(...of)).close();
    return undefined;
  } catch (error) {
    if (!(error instanceof ConnectionRefused)) throw error;
    const { type, message } = JSON.parse(error.body) as { type: string; message: { message: string } };
    return { status: error.statusCode, type, message: message.message };
  }
}
