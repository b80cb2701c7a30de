// What every engine must do, asked of each implementation by its own test. The fixture says how to make a container behave.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EngineError, type ContainerState, type Engine } from "./port.ts";

export interface Behaviour {
  /** The container ends by itself after so many seconds; otherwise it runs until stopped. */
  readonly exitAfterSeconds?: number;
  readonly exitCode?: number;
  /** The container does not heed the stop signal. */
  readonly ignoresStop?: boolean;
}

export interface EngineFixture {
  readonly engine: Engine;
  /** An image that the engine can take by pullImage. */
  readonly image: string;
  /** The part of a `Config` that makes a container of `image` behave so. */
  behave(behaviour: Behaviour): Readonly<Record<string, unknown>>;
  /** A `Healthcheck` that says healthy, and soon. */
  readonly healthy: Readonly<Record<string, unknown>>;
  /** A host port that nothing uses. */
  freePort(): number;
  /** Resolves when the condition holds; lets time go on meanwhile. Rejects after `seconds` of the engine's time. */
  until(condition: () => boolean | Promise<boolean>, seconds?: number): Promise<void>;
  close(): Promise<void>;
}

const LABEL = "estiba.test.suite";

export function describeEngine(name: string, open: () => Promise<EngineFixture>): void {
  describe(`the engine port: ${name}`, () => {
    let fixture: EngineFixture;
    let engine: Engine;
    let made = 0;
    beforeEach(async () => {
      fixture = await open();
      engine = fixture.engine;
    });
    afterEach(async () => {
      for (const container of await engine.list(LABEL)) await engine.remove(container.id);
      await fixture.close();
    });

    const uniqueName = () => `estiba-suite-${process.pid}-${made++}`;
    const create = async (
      behaviour: Behaviour,
      more: {
        readonly config?: Readonly<Record<string, unknown>>;
        readonly hostConfig?: Readonly<Record<string, unknown>>;
        readonly value?: string;
        readonly name?: string;
      } = {},
    ) => {
      await engine.pullImage(fixture.image);
      const behave = fixture.behave(behaviour);
      const labels = (behave["Labels"] ?? {}) as Readonly<Record<string, string>>;
      return engine.create({
        name: more.name ?? uniqueName(),
        config: {
          Image: fixture.image,
          ...behave,
          ...more.config,
          Labels: { ...labels, [LABEL]: more.value ?? "a" },
        },
        hostConfig: { ...more.hostConfig },
      });
    };
    const kindOf = (promise: Promise<unknown>) =>
      promise.then(
        () => "no error",
        (error: unknown) => (error instanceof EngineError ? error.kind : error),
      );
    const inspected = async (id: string): Promise<ContainerState> => {
      const state = await engine.inspect(id);
      if (state === undefined) throw new Error(`container ${id} is gone`);
      return state;
    };
    const statusOf = async (id: string) => (await engine.inspect(id))?.status;
    const ended = (id: string) => fixture.until(async () => (await statusOf(id)) === "exited");

    it("tells its version, its size and its log drivers", async () => {
      const info = await engine.info();
      expect(info.version).toMatch(/^\d+\.\d+/);
      expect(info.cpus).toBeGreaterThan(0);
      expect(info.memoryBytes).toBeGreaterThan(64 * 1024 * 1024);
      expect(info.logDrivers).toContain("json-file");
    });

    it("takes an image once and finds it afterwards under the same id", async () => {
      const { imageId } = await engine.pullImage(fixture.image);
      expect(imageId).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await engine.findImage(fixture.image)).toEqual({ imageId });
    });

    it("refuses an image that it can take from nowhere", async () => {
      expect(await kindOf(engine.pullImage("estiba.invalid/no-such-image:0"))).toBe("image-missing");
      expect(await engine.findImage("estiba.invalid/no-such-image:0")).toBeUndefined();
    });

    it("refuses to create a container of an image that is not there", async () => {
      const spec = {
        name: uniqueName(),
        config: { Image: "estiba.invalid/no-such-image:0" },
        hostConfig: {},
      };
      expect(await kindOf(engine.create(spec))).toBe("image-missing");
    });

    it("walks a container from created over running to exited with its exit code", async () => {
      const id = await create({ exitAfterSeconds: 1, exitCode: 7 });
      expect(await inspected(id)).toMatchObject({ id, status: "created", oomKilled: false, error: "" });
      await engine.start(id);
      expect((await inspected(id)).startedAt).toBeGreaterThan(0);
      await ended(id);
      const state = await inspected(id);
      expect(state).toMatchObject({ status: "exited", exitCode: 7, oomKilled: false });
      expect(state.finishedAt).toBeGreaterThanOrEqual(state.startedAt ?? Infinity);
      expect(state.imageId).toMatch(/^sha256:/);
    });

    it("starts a running container again without an error", async () => {
      const id = await create({});
      await engine.start(id);
      const { startedAt } = await inspected(id);
      await engine.start(id);
      expect(await inspected(id)).toMatchObject({ status: "running", startedAt });
    });

    it("starts an exited container anew", async () => {
      const id = await create({ exitAfterSeconds: 1, exitCode: 3 });
      await engine.start(id);
      await ended(id);
      const first = await inspected(id);
      await engine.start(id);
      expect((await inspected(id)).startedAt).toBeGreaterThan(first.startedAt ?? Infinity);
      await ended(id);
    });

    it("refuses a name that is taken", async () => {
      const name = uniqueName();
      await create({}, { name });
      expect(await kindOf(create({}, { name }))).toBe("conflict");
    });

    it("does not find what is not there, and removes it without an error", async () => {
      expect(await kindOf(engine.start("0".repeat(64)))).toBe("not-found");
      expect(await engine.inspect("0".repeat(64))).toBeUndefined();
      expect(await engine.stats("0".repeat(64))).toBeUndefined();
      await engine.remove("0".repeat(64));
    });

    it("stops a container that heeds the signal before the timeout", async () => {
      const id = await create({});
      await engine.start(id);
      const stopped = engine.stop(id, 20);
      await ended(id);
      await stopped;
      expect((await inspected(id)).exitCode).not.toBe(137);
      await engine.stop(id, 20);
    });

    it("kills a container that does not heed the signal after the timeout", async () => {
      const id = await create({ ignoresStop: true });
      await engine.start(id);
      const stopped = engine.stop(id, 1);
      await ended(id);
      await stopped;
      expect(await inspected(id)).toMatchObject({ status: "exited", exitCode: 137 });
    });

    it("lists containers by a label and its value, ended ones too", async () => {
      const a = await create({ exitAfterSeconds: 0 }, { value: "a" });
      const b = await create({}, { value: "b" });
      await engine.start(a);
      await ended(a);
      const ids = async (value?: string) => (await engine.list(LABEL, value)).map((c) => c.id).sort();
      expect(await ids()).toEqual([a, b].sort());
      expect(await ids("b")).toEqual([b]);
      expect(await ids("c")).toEqual([]);
      expect((await engine.list(LABEL, "a"))[0]).toMatchObject({ id: a, labels: { [LABEL]: "a" } });
    });

    it("publishes ports on the host and refuses a second container the same one", async () => {
      const port = fixture.freePort();
      const published = {
        config: { ExposedPorts: { "80/tcp": {} } },
        hostConfig: { PortBindings: { "80/tcp": [{ HostPort: String(port) }] } },
      };
      const first = await create({}, published);
      await engine.start(first);
      expect((await inspected(first)).ports).toContainEqual({
        containerPort: 80,
        hostPort: port,
        protocol: "tcp",
        hostIp: "0.0.0.0",
      });
      const second = await create({}, published);
      expect(await kindOf(engine.start(second))).toBe("refused");
      await engine.remove(first);
      await engine.start(second);
    });

    it("removes a running container by force", async () => {
      const id = await create({});
      await engine.start(id);
      await engine.remove(id);
      expect(await engine.inspect(id)).toBeUndefined();
      await engine.remove(id);
    });

    it("shows health only for containers with a check", async () => {
      const plain = await create({});
      const checked = await create({}, { config: { Healthcheck: fixture.healthy } });
      await engine.start(plain);
      await engine.start(checked);
      expect((await inspected(checked)).health).toMatch(/^(starting|healthy)$/);
      await fixture.until(async () => (await engine.inspect(checked))?.health === "healthy");
      expect((await inspected(plain)).health).toBeUndefined();
    });

    it("tells a watcher of starts, ends and health", async () => {
      const seen: string[] = [];
      const watch = await engine.watch(
        (id) => void seen.push(id),
        () => {},
      );
      const id = await create(
        { exitAfterSeconds: 2, exitCode: 0 },
        { config: { Healthcheck: fixture.healthy } },
      );
      await engine.start(id);
      const count = () => seen.filter((s) => s === id).length;
      await fixture.until(() => count() >= 1);
      await ended(id);
      await fixture.until(() => count() >= 2);
      watch.close();
    });

    it("measures CPU time and memory of a running container", async () => {
      const id = await create({});
      expect(await engine.stats(id)).toBeUndefined();
      expect(await engine.sampleStats(id)).toBeUndefined();
      await engine.start(id);
      const stats = await engine.stats(id);
      expect(stats?.cpuNanoseconds).toBeGreaterThanOrEqual(0);
      expect(stats?.memoryBytes).toBeGreaterThanOrEqual(0);
      const samples = await engine.sampleStats(id);
      expect(samples?.map((s) => s["id"])).toEqual([id, id]);
    });

    it("makes a volume once and removes it without an error when it is gone", async () => {
      const volume = uniqueName();
      await engine.createVolume(volume, { [LABEL]: "a" });
      await engine.createVolume(volume, { [LABEL]: "a" });
      await engine.removeVolume(volume);
      await engine.removeVolume(volume);
    });
  });
}
