// The agent's poll of its Spot interruption notice, as the stock agent's: each second, and the call until it works.
import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { TestClock } from "#lib/test-clock.ts";
import { BadAgentConfig, readAgentConfig } from "./config.ts";
import { CallFailed } from "./control-plane.ts";
import { drainOnSpotNotice } from "./spot-notice.ts";

let clock: TestClock;
let asked: number;
let notice: () => Promise<string | undefined>;
let calls: unknown[];
let answer: () => Promise<Readonly<Record<string, unknown>>>;
let end: AbortController;

beforeEach(() => {
  clock = new TestClock();
  asked = 0;
  calls = [];
  notice = () => Promise.resolve(undefined);
  answer = () => Promise.resolve({ failures: [] });
  end = new AbortController();
});

const start = () =>
  drainOnSpotNotice({
    spotAction() {
      asked += 1;
      return notice();
    },
    controlPlane: {
      call(operation, input) {
        calls.push([operation, input]);
        return answer();
      },
    },
    config: { cluster: "main" },
    containerInstanceArn: "arn:ci",
    clock,
    logger: silentLogger,
    signal: end.signal,
  });
const seconds = async (count: number) => {
  for (let i = 0; i < count; i += 1) await clock.advance(1000);
};
const DRAIN = [
  "UpdateContainerInstancesState",
  { cluster: "main", containerInstances: ["arn:ci"], status: "DRAINING" },
];

describe("the notice", () => {
  it("is asked for each second, and nothing is called while there is none", async () => {
    const done = start();
    await seconds(10);
    expect(asked).toBe(11);
    expect(calls).toEqual([]);
    end.abort();
    await done;
  });

  it.each(["terminate", "stop", "hibernate"])("of %s drains the instance, once", async (action) => {
    const done = start();
    await seconds(2);
    notice = () => Promise.resolve(action);
    await seconds(1);
    await done;
    await seconds(5);
    expect(calls).toEqual([DRAIN]);
  });

  it("of what nobody knows is no notice", async () => {
    notice = () => Promise.resolve("dance");
    const done = start();
    await seconds(3);
    expect(calls).toEqual([]);
    end.abort();
    await done;
  });

  it("is asked for again when the metadata service does not answer", async () => {
    notice = () => Promise.reject(new Error("away"));
    const done = start();
    await seconds(5);
    notice = () => Promise.resolve("terminate");
    await seconds(1);
    await done;
    expect(calls).toEqual([DRAIN]);
  });
});

describe("draining", () => {
  beforeEach(() => {
    notice = () => Promise.resolve("terminate");
  });

  it("is asked for each second until the control plane has taken the word", async () => {
    answer = () => Promise.reject(new CallFailed("Unreachable", "away"));
    const done = start();
    await seconds(30);
    expect(calls).toHaveLength(31);
    answer = () => Promise.resolve({ failures: [] });
    await seconds(1);
    await done;
    expect(calls).toHaveLength(32);
  });

  it("is given up when the instance is none any more", async () => {
    answer = () => Promise.resolve({ failures: [{ reason: "INACTIVE" }] });
    await start();
    expect(calls).toHaveLength(1);
  });

  it("ends with the agent", async () => {
    answer = () => Promise.reject(new CallFailed("Unreachable", "away"));
    const done = start();
    await seconds(1);
    end.abort();
    await done;
    await seconds(5);
    expect(calls).toHaveLength(2);
  });
});

describe("ECS_ENABLE_SPOT_INSTANCE_DRAINING", () => {
  const read = (file: string) =>
    readAgentConfig({ AWS_DEFAULT_REGION: "us-east-1", ECS_BACKEND_HOST: "http://127.0.0.1:1" }, file);

  it("is off unless the host's file turns it on", () => {
    expect(read("").drainsOnSpotNotice).toBe(false);
    expect(read("ECS_ENABLE_SPOT_INSTANCE_DRAINING=false\n").drainsOnSpotNotice).toBe(false);
    expect(read("ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n").drainsOnSpotNotice).toBe(true);
  });

  it("is refused when it is neither", () => {
    expect(() => read("ECS_ENABLE_SPOT_INSTANCE_DRAINING=perhaps\n")).toThrow(BadAgentConfig);
  });
});
