// The simulated engine against the suite of all engines, on a clock that moves when the suite waits.
import { expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { describeEngine } from "../engine.suite.ts";
import { createSimEngine } from "./sim-engine.ts";

const GIB = 1024 ** 3;

const open = () => {
  const clock = new TestClock();
  const engine = createSimEngine({ clock, random: seededRandom(1), cpus: 2, memoryBytes: 4 * GIB });
  return { clock, engine };
};

describeEngine("simulated", async () => {
  const { clock, engine } = open();
  let port = 32_768;
  return {
    engine,
    image: "registry.test/app:1",
    behave: ({ exitAfterSeconds, exitCode, ignoresStop }) => ({
      Labels: {
        ...(exitAfterSeconds === undefined ? {} : { "estiba.sim.run-seconds": String(exitAfterSeconds) }),
        ...(exitCode === undefined ? {} : { "estiba.sim.exit-code": String(exitCode) }),
        ...(ignoresStop === true ? { "estiba.sim.stop-seconds": "86400" } : {}),
      },
    }),
    healthy: { Test: ["CMD", "true"] },
    freePort: () => port++,
    async until(condition, seconds = 60) {
      for (let waited = 0; !(await condition()); waited += 250) {
        if (waited > seconds * 1000) throw new Error("The condition did not come to hold.");
        await clock.advance(250);
      }
    },
    close: async () => expect(clock.pendingTimers).toBe(0),
  };
});

const create = async (labels: Readonly<Record<string, string>>, more: Record<string, unknown> = {}) => {
  const world = open();
  await world.engine.pullImage("a:1");
  const id = await world.engine.create({
    name: "c",
    config: { Image: "a:1", Labels: labels, ...more },
    hostConfig: {},
  });
  return { ...world, id };
};

it("fails a pull with the words of its label", async () => {
  const pull = open().engine.pullImage("a:1", { "estiba.sim.pull": "fail: toomanyrequests" });
  await expect(pull).rejects.toMatchObject({ kind: "image-missing", message: "toomanyrequests" });
});

it("refuses a label of its own that it does not know, or whose value makes no sense", async () => {
  await expect(create({ "estiba.sim.exitcode": "1" })).rejects.toThrow("no label estiba.sim.exitcode");
  await expect(create({ "estiba.sim.run-seconds": "soon" })).rejects.toThrow("expected a number from 0");
});

it("kills for memory with exit code 137", async () => {
  const { clock, engine, id } = await create({
    "estiba.sim.run-seconds": "3",
    "estiba.sim.out-of-memory": "true",
  });
  await engine.start(id);
  await clock.advance(3_000);
  expect(await engine.inspect(id)).toMatchObject({ status: "exited", exitCode: 137, oomKilled: true });
});

it("turns unhealthy after its time", async () => {
  const { clock, engine, id } = await create(
    { "estiba.sim.unhealthy-after-seconds": "10" },
    { Healthcheck: { Test: ["CMD", "true"] } },
  );
  await engine.start(id);
  await clock.advance(5_000);
  expect((await engine.inspect(id))?.health).toBe("healthy");
  await clock.advance(5_000);
  expect((await engine.inspect(id))?.health).toBe("unhealthy");
});

it("uses the CPU and memory of its labels", async () => {
  const { clock, engine, id } = await create({
    "estiba.sim.cpu-percent": "50",
    "estiba.sim.memory-mib": "200",
  });
  await engine.start(id);
  await clock.advance(10_000);
  expect(await engine.stats(id)).toEqual({ cpuNanoseconds: 10e9, memoryBytes: 200 * 1024 * 1024 });
});

it("answers nothing while it is away, and its containers live on", async () => {
  const { clock, engine, id } = await create({ "estiba.sim.run-seconds": "5" });
  await engine.start(id);
  const lost: string[] = [];
  await engine.watch(
    () => {},
    (reason) => void lost.push(reason),
  );
  engine.setReachable(false);
  expect(lost).toHaveLength(1);
  await expect(engine.inspect(id)).rejects.toMatchObject({ kind: "unreachable" });
  await clock.advance(5_000);
  engine.setReachable(true);
  expect(await engine.inspect(id)).toMatchObject({ status: "exited", exitCode: 0 });
});
