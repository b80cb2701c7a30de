// Stands where the stock agent stands: its calls, upgrades and frames as recorded, signed anew, with an instance of its own.
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { connectWebsocket } from "#acs/websocket-duplex.ts";
import { signRequest, type SigningCredentials } from "#lib/sigv4-sign.ts";
import { eventually } from "#tests/support/estiba.ts";
import {
  RECORDED,
  recordedCall,
  recordedFrame,
  recordedTelemetry,
  recordedUpgrade,
  replaced,
} from "./recording.ts";

const USER_AGENT = " Amazon ECS Agent - v1.105.1 (*a8b3e7d3) (linux; LINUX) (+http://aws.amazon.com/ecs/)";
const TARGET = "AmazonEC2ContainerServiceV20141113";

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Envelope {
  readonly type: string;
  readonly message: Readonly<Record<string, unknown>>;
}

export interface Channel {
  /** Every envelope that the server sent, in order. */
  readonly heard: readonly Envelope[];
  /** The first of a type from the `from`th on, waited for. */
  next(type: string, from?: number): Promise<Envelope>;
  /** Sends the frame as it stands. */
  send(frame: string): void;
  readonly closed: () => number | undefined;
  close(): void;
}

export interface RecordedAgent {
  /** Known after the registration. */
  readonly instanceArn: () => string;
  /** A body of this agent's own. */
  call(operation: string, body: string | object): Promise<Answer>;
  /** A recorded call, with more replaced than the instance. */
  replay(label: string, by?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Registers with a recorded body; later ones name the ARN of the first. */
  register(
    label: string,
    change?: (body: Record<string, unknown>) => Record<string, unknown>,
  ): Promise<Answer>;
  /** @throws ConnectionRefused */
  open(label: "acsUpgrade" | "acsUpgradeLater" | "tcsUpgrade"): Promise<Channel>;
  /** A recorded ACS frame. */
  frame(label: string, by?: Readonly<Record<string, string>>): string;
  /** A recorded TCS frame, its header lines signed anew over the session's URL. */
  telemetry(label: string, by?: Readonly<Record<string, string>>): string;
}

export function createRecordedAgent(endpoint: string, credentials: SigningCredentials): RecordedAgent {
  let instanceArn: string = RECORDED.instanceArn;
  let bases = { acs: "", tcs: "" };

  const sign = (method: string, url: string, headers: Readonly<Record<string, string>>, body: string) =>
    signRequest({
      ...{ method, url, headers, body, credentials, region: RECORDED.region, service: "ecs" },
      ...{ time: Date.now(), bareHash: true },
    });
  const own = (text: string, by: Readonly<Record<string, string>> = {}) =>
    replaced(text, {
      ...by,
      [RECORDED.instanceArn]: instanceArn,
      [encodeURIComponent(RECORDED.instanceArn)]: encodeURIComponent(instanceArn),
    });

  const call = (operation: string, body: string | object): Promise<Answer> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const headers = sign(
      "POST",
      `${endpoint}/`,
      {
        "amz-sdk-invocation-id": randomUUID(),
        "amz-sdk-request": "attempt=1; max=3",
        "content-length": String(Buffer.byteLength(text)),
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `${TARGET}.${operation}`,
      },
      text,
    );
    return new Promise((resolve, reject) => {
      const sent = request(
        `${endpoint}/`,
        { method: "POST", headers: { ...headers, "user-agent": USER_AGENT, "accept-encoding": "gzip" } },
        (answer) => {
          let received = "";
          answer.setEncoding("utf8");
          answer.on("data", (chunk: string) => (received += chunk));
          answer.on("end", () =>
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(received) as Answer["body"] }),
          );
        },
      );
      sent.on("error", reject);
      sent.end(text);
    });
  };

  return {
    instanceArn: () => instanceArn,
    call,
    replay(label, by) {
      const { operation, body } = recordedCall(label);
      return call(operation, own(body, by));
    },
    async register(label, change = (body) => body) {
      const { operation, body } = recordedCall(label);
      const answer = await call(operation, change(JSON.parse(own(body)) as Record<string, unknown>));
      const made = answer.body["containerInstance"] as { containerInstanceArn: string } | undefined;
      if (made !== undefined) instanceArn = made.containerInstanceArn;
      return answer;
    },
    async open(label) {
      if (bases.acs === "") {
        const { operation, body } = recordedCall("discover");
        const found = (await call(operation, own(body))).body as {
          endpoint: string;
          telemetryEndpoint: string;
        };
        bases = { acs: found.endpoint, tcs: found.telemetryEndpoint };
      }
      const { target } = recordedUpgrade(label);
      const url = `${label === "tcsUpgrade" ? bases.tcs : bases.acs}${own(target).replace(/^\/[at]cs/, "")}`;
      const { host: _, ...headers } = sign("GET", url, {}, "");
      const duplex = await connectWebsocket(url.replace(/^http/, "ws"), {
        ...headers,
        "user-agent": "Go-http-client/1.1",
      });
      const heard: Envelope[] = [];
      let closed: number | undefined;
      duplex.onMessage((frame) => heard.push(JSON.parse(frame) as Envelope));
      duplex.onClose((code) => void (closed = code));
      return {
        heard,
        next: (type, from = 0) =>
          eventually(`a ${type}`, async () => heard.slice(from).find((m) => m.type === type), 10),
        send: (frame) => duplex.send(frame),
        closed: () => closed,
        close: () => duplex.close(1000),
      };
    },
    frame: (label, by) => own(recordedFrame(label), by),
    telemetry(label, by) {
      const envelope = own(recordedTelemetry(label).envelope, by);
      const signed = sign(
        "GET",
        `${bases.tcs}${own(recordedUpgrade("tcsUpgrade").target).slice(4)}`,
        {},
        envelope,
      );
      const spelt = { Authorization: "authorization", Host: "host", "X-Amz-Date": "x-amz-date" } as const;
      const head = Object.entries(spelt).map(([name, key]) => `${name}: ${signed[key] ?? ""}\r\n`);
      return `${head.join("")}\r\n${envelope}`;
    },
  };
}
