// Our agent under the strict server, anew for each test; whatever a test is about, nothing that the agent said may be against
// the protocol.
import { afterEach, beforeEach, expect } from "vitest";
import type { Agent } from "#agent/agent.ts";
import { recordedCall } from "./recording.ts";
import { addressed, createStrictServer, taskArn, type StrictServer } from "./strict-server.ts";

export interface StrictAgent {
  readonly server: StrictServer;
  readonly agent: Agent;
  /** Ends the agent as a crash would not: its containers run on; a new one comes up over its state. */
  readonly restart: () => Promise<void>;
  /** What was heard of a type over the newest connection. */
  readonly heard: (type: string, of?: "acs" | "tcs") => readonly Readonly<Record<string, unknown>>[];
  /** Sends a payload of these tasks; answers what was sent. */
  readonly payload: (seqNum: number, ...tasks: readonly object[]) => { readonly messageId: string };
  /** Whether the newest ACS connection acknowledged it. */
  readonly acked: (messageId: string) => boolean;
  /** The statuses that were reported of a task, in order. */
  readonly statuses: (id: string) => readonly unknown[];
}

export function useStrictAgent(): StrictAgent {
  let server: StrictServer;
  let agent: Agent;
  beforeEach(async () => {
    server = createStrictServer();
    agent = await server.startAgent();
    await server.until(() => server.acs.length > 0 && server.tcs.length > 0);
  });
  afterEach(() => {
    agent.close();
    expect(server.faults).toEqual([]);
  });

  const heard: StrictAgent["heard"] = (type, of = "acs") =>
    server
      .channel(of)
      .heard.filter((m) => m.type === type)
      .map((m) => m.message);
  return {
    get server() {
      return server;
    },
    get agent() {
      return agent;
    },
    restart: async () => {
      const before = server.acs.length;
      agent.close();
      agent = await server.startAgent();
      await server.until(() => server.acs.length > before);
    },
    heard,
    payload: (seqNum, ...tasks) => {
      const message = { ...addressed(), seqNum, tasks };
      server.channel().send("PayloadMessage", message);
      return message;
    },
    acked: (messageId) => heard("AckRequest").some((m) => m["messageId"] === messageId),
    statuses: (id) => server.reports(taskArn(id)).map((r) => r["status"]),
  };
}

export const recordedBody = (label: string) =>
  JSON.parse(recordedCall(label).body) as Record<string, unknown>;

export const gaps = (times: readonly number[]): readonly number[] =>
  times.slice(1).map((t, i) => t - (times[i] ?? 0));

/** Within the protocol's jitter of a fifth. */
export function expectAbout(actual: number | undefined, expectedMs: number): void {
  expect(actual).toBeGreaterThanOrEqual(expectedMs * 0.8 - 50);
  expect(actual).toBeLessThanOrEqual(expectedMs * 1.2 + 50);
}
