// The agent's side of one ACS connection: what comes is handed to the agent and acknowledged when it was taken. It closes
// itself when the server is silent, or after half an hour, so that agents spread over the servers anew.
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { decodeFromServer, encodeEnvelope } from "./codec.ts";
import { connectionTimers } from "./connection-timers.ts";
import type { Duplex } from "./duplex.ts";
import type { AcsAgentMessages, AcsServerMessages, TaskIdentifier } from "./messages.ts";

export interface AcsListener {
  /** Resolves true when every task of the payload is safe: only then it is acknowledged. */
  payload(message: AcsServerMessages["PayloadMessage"]): Promise<boolean>;
  /** Interfaces of a task that will come. */
  interfaces(message: AcsServerMessages["AttachTaskNetworkInterfacesMessage"]): void;
  /** False when the task is unknown: not acknowledged. */
  credentials(message: AcsServerMessages["IAMRoleCredentialsMessage"]): boolean;
  /** The running tasks that the manifest does not want running; undefined when its number is old news. */
  manifest(message: AcsServerMessages["TaskManifestMessage"]): Promise<readonly TaskIdentifier[] | undefined>;
  /** The server confirms that these be stopped. */
  stopVerified(tasks: readonly TaskIdentifier[]): void;
  heartbeat(): void;
  badFrame(reason: string): void;
  closed(code: number, reason: string): void;
}

export interface ClientSession {
  close(code?: number, reason?: string): void;
}

type Addressed = Pick<
  AcsServerMessages["PayloadMessage"],
  "clusterArn" | "containerInstanceArn" | "messageId"
>;
const addressOf = ({ clusterArn, containerInstanceArn, messageId }: Addressed) => ({
  cluster: clusterArn,
  containerInstance: containerInstanceArn,
  messageId,
});

export function createClientSession(options: {
  readonly duplex: Duplex;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: AcsListener;
}): ClientSession {
  const { duplex, listener } = options;
  const timers = connectionTimers(options);
  /** Manifest whose verification is awaited. */
  let manifest: string | undefined;

  const send = <T extends keyof AcsAgentMessages>(type: T, message: AcsAgentMessages[T]) =>
    duplex.send(encodeEnvelope({ type, message }));
  const acknowledge = (message: Addressed) => send("AckRequest", addressOf(message));

  const onPayload = async (message: AcsServerMessages["PayloadMessage"]) => {
    if (!(await listener.payload(message))) return;
    acknowledge(message);
    const credentials = message.tasks.flatMap((t) => [t.roleCredentials, t.executionRoleCredentials]);
    for (const role of credentials)
      if (role !== undefined)
        send("IAMRoleCredentialsAckRequest", {
          messageId: message.messageId,
          credentialsId: role.credentialsId,
          expiration: role.expiration,
        });
  };
  const onManifest = async (message: AcsServerMessages["TaskManifestMessage"]) => {
    manifest = message.messageId;
    const stopCandidates = await listener.manifest(message);
    if (stopCandidates === undefined) return;
    acknowledge(message);
    if (stopCandidates.length > 0)
      send("TaskStopVerificationMessage", { messageId: message.messageId, stopCandidates });
  };

  /** One message at a time: orders are taken in the order in which they came. */
  let work: Promise<void> = Promise.resolve();
  let ended = false;
  const inTurn = (handle: () => Promise<void>) => {
    work = work
      // What waits at the end is not taken any more: nothing acknowledged it, so it comes again with the next connection.
      .then(() => (ended ? undefined : handle()))
      .catch((error: unknown) => listener.badFrame(error instanceof Error ? error.message : String(error)));
  };

  duplex.onMessage((frame) => {
    timers.heard();
    const decoded = decodeFromServer(frame);
    if (decoded instanceof Error) return listener.badFrame(decoded.message);
    if ("unknown" in decoded) return listener.badFrame(`unknown message ${decoded.unknown}`);
    switch (decoded.type) {
      case "HeartbeatMessage":
        send("HeartbeatAckRequest", { messageId: decoded.message.messageId });
        return listener.heartbeat();
      case "PayloadMessage":
        return inTurn(() => onPayload(decoded.message));
      case "TaskManifestMessage":
        return inTurn(() => onManifest(decoded.message));
      case "AttachTaskNetworkInterfacesMessage":
        acknowledge(decoded.message);
        return listener.interfaces(decoded.message);
      case "StageUpdateMessage":
      case "PerformUpdateMessage":
        return send("NackRequest", { ...addressOf(decoded.message), reason: "Updates are disabled" });
      case "IAMRoleCredentialsMessage": {
        const { messageId, roleCredentials } = decoded.message;
        return inTurn(async () => {
          if (listener.credentials(decoded.message))
            send("IAMRoleCredentialsAckRequest", {
              messageId,
              credentialsId: roleCredentials.credentialsId,
              expiration: roleCredentials.expiration,
            });
        });
      }
      case "TaskStopVerificationAck":
        // For the newest manifest only, and once.
        if (decoded.message.messageId !== manifest) return;
        manifest = undefined;
        return inTurn(async () => listener.stopVerified(decoded.message.stopTasks));
    }
  });
  duplex.onClose((code, reason) => {
    ended = true;
    timers.cancel();
    listener.closed(code, reason);
  });

  return { close: (code, reason) => duplex.close(code, reason) };
}
