// The control plane's side of one ACS connection: heartbeats, payloads, the manifest and its verification, credentials.
// What to send is the fleet's decision; acks live as long as the connection, because an agent takes repeated payloads as news
// of the desired status only.
import type { Clock, Timer } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { decodeFromAgent, encodeEnvelope } from "./codec.ts";
import type { Duplex } from "./duplex.ts";
import type {
  AcsServerMessages,
  RoleCredentials,
  TaskIdentifier,
  WireNetworkInterface,
  WireTask,
} from "./messages.ts";

/** The agent closes after a minute without a word from us (agent protocol, "Timers"). */
const HEARTBEAT_MS = 30_000;
/** Three heartbeats without an answer: the connection is dead. */
const SILENCE_MS = 3 * HEARTBEAT_MS;

export interface ServerSessionOptions {
  readonly duplex: Duplex;
  readonly clusterArn: string;
  readonly containerInstanceArn: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The next number of the counter that payloads and manifests share; it rises for an instance over all its connections. */
  readonly nextSequence: () => number;
  /** The agent would stop these tasks, which the manifest does not list as running: answers those it shall stop. */
  readonly confirmStops: (candidates: readonly TaskIdentifier[]) => readonly TaskIdentifier[];
  readonly onClose: () => void;
  /** A frame that made no sense. */
  readonly onBadFrame: (reason: string) => void;
}

export interface ServerSession {
  sendTasks(tasks: readonly WireTask[]): void;
  /** Tells of interfaces that will appear on the host within the time given. */
  sendInterfaces(taskArn: string, interfaces: readonly WireNetworkInterface[], waitTimeoutMs: number): void;
  sendManifest(tasks: readonly TaskIdentifier[]): void;
  sendCredentials(
    taskArn: string,
    roleType: "TaskApplication" | "TaskExecution",
    credentials: RoleCredentials,
  ): void;
  /** Message ids of payloads and manifests that the agent has not acknowledged. */
  readonly unacknowledged: ReadonlySet<string>;
  close(code?: number, reason?: string): void;
}

export function createServerSession(options: ServerSessionOptions): ServerSession {
  const { duplex, clusterArn, containerInstanceArn, clock, random } = options;
  const unacknowledged = new Set<string>();
  let lastHeard = clock.monotonic();
  let manifest: string | undefined;
  let timer: Timer | undefined;

  const send = <T extends keyof AcsServerMessages>(type: T, message: AcsServerMessages[T]) =>
    duplex.send(encodeEnvelope({ type, message }));
  const beat = () => {
    timer = clock.after(HEARTBEAT_MS, () => {
      if (clock.monotonic() - lastHeard > SILENCE_MS) return duplex.close(1011, "No heartbeat was answered");
      send("HeartbeatMessage", { healthy: true, messageId: random.uuid() });
      beat();
    });
  };
  beat();

  duplex.onMessage((frame) => {
    lastHeard = clock.monotonic();
    const decoded = decodeFromAgent(frame);
    if (decoded instanceof Error) return options.onBadFrame(decoded.message);
    if ("unknown" in decoded) return options.onBadFrame(`unknown message ${decoded.unknown}`);
    if (decoded.type === "AckRequest") unacknowledged.delete(decoded.message.messageId);
    if (decoded.type === "TaskStopVerificationMessage" && decoded.message.messageId === manifest) {
      manifest = undefined;
      send("TaskStopVerificationAck", {
        messageId: decoded.message.messageId,
        generatedAt: clock.now(),
        stopTasks: options.confirmStops(decoded.message.stopCandidates),
      });
    }
  });
  duplex.onClose(() => {
    timer?.cancel();
    options.onClose();
  });

  const addressed = () => {
    const messageId = random.uuid();
    unacknowledged.add(messageId);
    return { messageId, clusterArn, containerInstanceArn, generatedAt: clock.now() };
  };
  return {
    unacknowledged,
    sendTasks: (tasks) => send("PayloadMessage", { ...addressed(), seqNum: options.nextSequence(), tasks }),
    sendInterfaces: (taskArn, elasticNetworkInterfaces, waitTimeoutMs) =>
      send("AttachTaskNetworkInterfacesMessage", {
        ...addressed(),
        taskArn,
        taskClusterArn: clusterArn,
        waitTimeoutMs,
        elasticNetworkInterfaces,
      }),
    sendManifest(tasks) {
      const address = addressed();
      manifest = address.messageId;
      send("TaskManifestMessage", { ...address, timeline: options.nextSequence(), tasks });
    },
    sendCredentials: (taskArn, roleType, roleCredentials) =>
      send("IAMRoleCredentialsMessage", {
        messageId: random.uuid(),
        taskArn,
        taskClusterArn: clusterArn,
        roleType,
        roleCredentials,
      }),
    close: (code, reason) => duplex.close(code, reason),
  };
}
