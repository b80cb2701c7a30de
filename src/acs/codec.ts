// Envelopes to text and back. Reading never throws: what an unknown peer sends is checked before it is believed.
import type {
  AcsAgentMessages,
  AcsServerMessages,
  Envelope,
  TcsAgentMessages,
  TcsServerMessages,
} from "./messages.ts";

/** Longest text frame either side accepts, octets. */
export const MAXIMUM_FRAME_BYTES = 4 * 1024 * 1024;

export class BadFrame extends Error {
  override readonly name = "BadFrame";
}

export type Decoded<Messages> = Envelope<Messages> | { readonly unknown: string } | BadFrame;

export function encodeEnvelope(envelope: { readonly type: string; readonly message: unknown }): string {
  return JSON.stringify(envelope);
}

/** Members without which a message means nothing: name → the test of its value. */
type Checks<Messages> = { readonly [T in keyof Messages]: (message: Fields) => boolean };
type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): boolean => typeof value === "string" && value !== "";
const listOf = (value: unknown, test: (item: Fields) => boolean): boolean =>
  Array.isArray(value) && value.every((item) => isFields(item) && test(item));
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** The members as far as they are credentials; what they say is the role's matter. */
const credentials = (value: unknown) =>
  isFields(value) &&
  ["credentialsId", "roleArn", "accessKeyId", "secretAccessKey", "sessionToken", "expiration"].every(
    (name) => typeof value[name] === "string",
  );
const identifier = (item: Fields) => text(item["taskArn"]);
const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.includes(value);
const health = oneOf("HEALTHY", "UNHEALTHY", "UNKNOWN");
const runtimeStatus = oneOf("OK", "IMPAIRED", "INSUFFICIENT_DATA", "INITIALIZING");
const telemetry = (m: Fields) => isFields(m["metadata"]) && typeof m["timestamp"] === "number";

const addressed = (m: Fields) =>
  text(m["messageId"]) && text(m["clusterArn"]) && text(m["containerInstanceArn"]);

const fromServer: Checks<AcsServerMessages> = {
  HeartbeatMessage: (m) => text(m["messageId"]),
  PayloadMessage: (m) => addressed(m) && listOf(m["tasks"], (task) => text(task["arn"])),
  AttachTaskNetworkInterfacesMessage: (m) =>
    addressed(m) &&
    text(m["taskArn"]) &&
    typeof m["waitTimeoutMs"] === "number" &&
    listOf(m["elasticNetworkInterfaces"], (i) => text(i["macAddress"]) && text(i["attachmentArn"])),
  StageUpdateMessage: addressed,
  PerformUpdateMessage: addressed,
  IAMRoleCredentialsMessage: (m) =>
    text(m["messageId"]) && text(m["taskArn"]) && credentials(m["roleCredentials"]),
  TaskManifestMessage: (m) =>
    text(m["messageId"]) && Number.isInteger(m["timeline"]) && listOf(m["tasks"], identifier),
  TaskStopVerificationAck: (m) => text(m["messageId"]) && listOf(m["stopTasks"], identifier),
};
const fromAgent: Checks<AcsAgentMessages> = {
  AckRequest: (m) => text(m["messageId"]),
  NackRequest: (m) => text(m["messageId"]),
  HeartbeatAckRequest: (m) => text(m["messageId"]),
  IAMRoleCredentialsAckRequest: (m) => text(m["messageId"]) && text(m["credentialsId"]),
  TaskStopVerificationMessage: (m) => text(m["messageId"]) && listOf(m["stopCandidates"], identifier),
};
const telemetryFromAgent: Checks<TcsAgentMessages> = {
  PublishMetricsRequest: (m) =>
    telemetry(m) &&
    (m["taskMetrics"] === undefined ||
      listOf(
        m["taskMetrics"],
        (t) => identifier(t) && listOf(t["containerMetrics"], (c) => text(c["containerName"])),
      )),
  PublishHealthRequest: (m) =>
    telemetry(m) &&
    listOf(
      m["tasks"],
      (t) =>
        identifier(t) &&
        listOf(t["containers"], (c) => text(c["containerName"]) && health(c["healthStatus"])),
    ),
  PublishInstanceStatusRequest: (m) =>
    telemetry(m) && listOf(m["statuses"], (s) => text(s["type"]) && runtimeStatus(s["status"])),
};
const telemetryFromServer: Checks<TcsServerMessages> = {
  AckPublishMetric: () => true,
  AckPublishHealth: () => true,
  AckPublishInstanceStatus: () => true,
  HeartbeatMessage: () => true,
};

/** What the control plane sent an agent. */
export const decodeFromServer = (frame: string): Decoded<AcsServerMessages> => decode(frame, fromServer);
/** What an agent sent over ACS. */
export const decodeFromAgent = (frame: string): Decoded<AcsAgentMessages> => decode(frame, fromAgent);
/** What the control plane sent over TCS. */
export const decodeTelemetryFromServer = (frame: string): Decoded<TcsServerMessages> =>
  decode(frame, telemetryFromServer);

/** A frame over TCS as an agent sends it: the headers of a signed GET of the session's URL, whose payload is the envelope. */
export function encodeTelemetryFromAgent(
  headers: Readonly<Record<string, string>>,
  envelope: string,
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${lines.join("")}\r\n${envelope}`;
}

/** What an agent sent over TCS: signed header lines and an empty line stand before the envelope. */
export function decodeTelemetryFromAgent(frame: string): Decoded<TcsAgentMessages> {
  const end = frame.indexOf("\r\n\r\n");
  return decode(end < 0 ? frame : frame.slice(end + 4), telemetryFromAgent);
}

function decode<Messages extends object>(frame: string, checks: Checks<Messages>): Decoded<Messages> {
  if (frame.length > MAXIMUM_FRAME_BYTES) return new BadFrame("The frame is too long.");
  let envelope: unknown;
  try {
    envelope = JSON.parse(frame);
  } catch {
    return new BadFrame("The frame is not JSON.");
  }
  if (!isFields(envelope) || typeof envelope["type"] !== "string")
    return new BadFrame("The frame is not an envelope of type and message.");
  const type = envelope["type"];
  if (!Object.hasOwn(checks, type)) return { unknown: type.slice(0, 128) };
  const message = envelope["message"];
  const check = (checks as Readonly<Record<string, (m: Fields) => boolean>>)[type];
  if (!isFields(message) || check?.(message) !== true)
    return new BadFrame(`The ${type} lacks a member or has one of a wrong type.`);
  return { type, message } as unknown as Envelope<Messages>;
}
