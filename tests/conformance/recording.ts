// The lines that were recorded of the stock agent (fixtures/README.md), by their labels, and as another instance would have sent
// them: with its account, its ARN and its tasks in place of the recorded ones.
import { readFileSync } from "node:fs";

export interface RecordedUpgrade {
  /** Path and query as they stood in the request line. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export const RECORDED = {
  accessKeyId: "AKIDTEST",
  secretAccessKey: "secret",
  region: "us-east-1",
  instanceArn:
    "arn:aws:ecs:us-east-1:000000000000:container-instance/default/0123456789abcdef0123456789abcdef",
} as const;

const lines = new Map(
  readFileSync(new URL("fixtures/agent-1.105.1.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, label = "", kind = "", rest = ""] = /^(\S+) (\S+) (.*)$/.exec(line) ?? [];
      return [label, { kind, rest }] as const;
    }),
);

function line(label: string, ...kinds: readonly string[]): string {
  const found = lines.get(label);
  if (found === undefined || !kinds.includes(found.kind))
    throw new Error(`Nothing was recorded as ${label} of ${kinds.join("/")}.`);
  return found.rest;
}

/** Operation and body of a call. */
export function recordedCall(label: string): { readonly operation: string; readonly body: string } {
  const [, operation = "", body = ""] = /^(\S+) (.*)$/.exec(line(label, "API")) ?? [];
  return { operation, body };
}

export function recordedUpgrade(label: string): RecordedUpgrade {
  const [, target = "", headers = "{}"] = /^(\S+) (.*)$/.exec(line(label, "UPGRADE")) ?? [];
  return { target, headers: JSON.parse(headers) as Record<string, string> };
}

/** A frame's text, whoever sent it. */
export function recordedFrame(label: string): string {
  const text = line(label, "ACS", "TCS");
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** A frame of telemetry: the signed header lines, and the envelope behind them. */
export function recordedTelemetry(label: string): {
  readonly head: readonly (readonly [name: string, value: string])[];
  readonly envelope: string;
} {
  const frame = recordedFrame(label);
  const end = frame.indexOf("\r\n\r\n");
  const head = frame
    .slice(0, end)
    .split("\r\n")
    .map((text) => {
      const at = text.indexOf(": ");
      return [text.slice(0, at), text.slice(at + 2)] as const;
    });
  return { head, envelope: frame.slice(end + 4) };
}

/** The text with each key in it replaced by its value. */
export function replaced(text: string, by: Readonly<Record<string, string>>): string {
  let out = text;
  for (const [from, to] of Object.entries(by)) out = out.replaceAll(from, to);
  return out;
}
