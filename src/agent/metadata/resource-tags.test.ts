import { describe, expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { CallFailed } from "../control-plane.ts";
import { resourceTags } from "./resource-tags.ts";

/** Answers with each of `answers` in turn, the last one for ever. */
async function ask(...answers: readonly (object | Error)[]) {
  const clock = new TestClock();
  let calls = 0;
  const call = async () => {
    const answer = answers[Math.min(calls++, answers.length - 1)] ?? {};
    if (answer instanceof Error) throw answer;
    return answer as Readonly<Record<string, unknown>>;
  };
  let settled: Awaited<ReturnType<typeof resourceTags>> | undefined;
  const asking = resourceTags({ controlPlane: { call }, clock, random: seededRandom(1) }, "arn:t").then(
    (view) => (settled = view),
  );
  for (let ms = 0; settled === undefined && ms < 10_000; ms += 100) await clock.advance(100);
  await asking;
  return { view: settled, calls };
}

describe("a resource's tags", () => {
  it("are asked of the control plane", async () => {
    const tags = [{ key: "app", value: "shop" }, { key: "empty" }];
    expect((await ask({ tags })).view).toEqual({ tags: { app: "shop", empty: "" } });
  });

  it.each([
    ["throttled", new CallFailed("ThrottlingException", "slow down", { status: 400 })],
    ["not reached", new CallFailed("Unreachable", "refused")],
    ["failing", new CallFailed("ServerException", "oh", { status: 500 })],
  ])("are asked again when the control plane was %s", async (_what, error) => {
    expect(await ask(error, error, { tags: [] })).toEqual({ view: { tags: {} }, calls: 3 });
  });

  it("are given up before whoever asks has gone, with what was said last", async () => {
    const { view, calls } = await ask(new CallFailed("Unreachable", "refused"));
    expect(view).toEqual({ failure: { resourceArn: "arn:t", code: "Unreachable", message: "refused" } });
    expect(calls).toBeGreaterThan(2);
  });

  it("are not asked again when they were denied", async () => {
    const denied = new CallFailed("AccessDeniedException", "no", { status: 400, requestId: "r-1" });
    expect(await ask(denied)).toEqual({
      view: {
        failure: {
          resourceArn: "arn:t",
          code: "AccessDeniedException",
          message: "no",
          status: 400,
          requestId: "r-1",
        },
      },
      calls: 1,
    });
  });
});
