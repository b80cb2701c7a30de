// The Docker engine against a real dockerd and containerd of the test's own: the common suite, then what only Docker can show.
import { mkdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { writeBusyboxImage } from "#tests/support/busybox-image.ts";
import { describeEngine } from "../engine.suite.ts";
import { EngineError, type ContainerState } from "../port.ts";
import { DockerClient } from "./client.ts";
import { DockerEngine } from "./docker-engine.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.ts";

const IMAGE = "busybox:latest";
const MIB = 1024 * 1024;
const LABEL = "estiba.test";

let daemon: TestDaemon;
let images: string;
let port = 32768;

beforeAll(async () => {
  daemon = await startTestDaemon();
  images = join(daemon.folder, "images");
  mkdirSync(images);
  writeBusyboxImage(join(images, "busybox.tar"), { tags: [IMAGE] });
});
afterAll(() => daemon.dispose());

const newEngine = () =>
  new DockerEngine({
    socketPath: daemon.socketPath,
    imagesFolder: images,
    clock: systemClock,
    logger: silentLogger,
  });
const until = (condition: () => boolean | Promise<boolean>, seconds = 20) =>
  vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: seconds * 1000, interval: 20 });
const shell = (script: string) => ({ Cmd: ["sh", "-c", script] });
const RUNS_UNTIL_STOPPED = shell("trap 'exit 0' TERM; sleep 1000 & wait");

describeEngine("Docker", async () => {
  const engine = newEngine();
  return {
    engine,
    image: IMAGE,
    behave({ exitAfterSeconds, exitCode = 0, ignoresStop = false }) {
      if (ignoresStop) return shell("trap '' TERM; while true; do sleep 1; done");
      return exitAfterSeconds === undefined
        ? RUNS_UNTIL_STOPPED
        : shell(`sleep ${exitAfterSeconds}; exit ${exitCode}`);
    },
    healthy: { Test: ["CMD", "true"], Interval: 100_000_000, Timeout: 5_000_000_000, Retries: 1 },
    freePort: () => port++,
    until,
    close: async () => engine.close(),
  };
});

describe("Docker as the agent's engine", () => {
  let engine: DockerEngine;
  let made = 0;

  beforeAll(async () => {
    engine = newEngine();
    await engine.pullImage(IMAGE);
  });
  afterEach(async () => {
    for (const { id } of await engine.list(LABEL)) await engine.remove(id);
  });
  afterAll(() => engine.close());

  const create = (
    config: Readonly<Record<string, unknown>>,
    hostConfig: Readonly<Record<string, unknown>> = {},
  ) =>
    engine.create({
      name: `real-${made++}`,
      config: { Image: IMAGE, Labels: { [LABEL]: "" }, ...config },
      hostConfig: { NetworkMode: "none", ...hostConfig },
    });
  const run = async (...spec: Parameters<typeof create>) => {
    const id = await create(...spec);
    await engine.start(id);
    return id;
  };
  const inspected = async (id: string): Promise<ContainerState> => {
    const state = await engine.inspect(id);
    if (state === undefined) throw new Error(`container ${id} is gone`);
    return state;
  };
  const ended = async (id: string) => {
    await until(async () => (await inspected(id)).status === "exited");
    return inspected(id);
  };
  const failure = (promise: Promise<unknown>): Promise<EngineError> =>
    promise.then(
      () => Promise.reject(new Error("it did not fail")),
      (error: unknown) => {
        if (error instanceof EngineError) return error;
        throw error;
      },
    );
  const output = async (id: string) => {
    await ended(id);
    const log = join(daemon.folder, "data", "containers", id, `${id}-json.log`);
    const lines = readFileSync(log, "utf8").split("\n");
    return lines.flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as { log: string }).log])).join("");
  };

  describe("images", () => {
    it.each(["estiba/web:1", "docker.io/estiba/web:1", "registry.test:5000/a/b:c", "plain"])(
      "takes %s from its archive",
      async (reference) => {
        const archive = join(images, "tags.tar");
        const imageId = writeBusyboxImage(archive, {
          tags: ["estiba/web:1", "registry.test:5000/a/b:c", "plain:latest"],
          config: { Env: [`FOR=${reference}`] },
        });
        expect(await engine.pullImage(reference)).toEqual({ imageId });
        expect(await engine.findImage(reference)).toEqual({ imageId });
      },
    );

    it("takes the newest archive of a tag, also when the engine has an older image of it", async () => {
      const first = writeBusyboxImage(join(images, "v1.tar"), { tags: ["moved:1"], config: { User: "1" } });
      expect(await engine.pullImage("moved:1")).toEqual({ imageId: first });
      const second = writeBusyboxImage(join(images, "v2.tar"), { tags: ["moved:1"], config: { User: "2" } });
      expect(await engine.pullImage("moved:1")).toEqual({ imageId: second });
    });

    it("takes a compressed archive", async () => {
      const plain = join(daemon.folder, "plain.tar");
      const imageId = writeBusyboxImage(plain, { tags: ["zipped:1"], config: { User: "3" } });
      writeFileSync(join(images, "zipped.tar"), gzipSync(readFileSync(plain), { level: 1 }));
      expect(await engine.pullImage("zipped:1")).toEqual({ imageId });
    });

    it("goes on with an image that the engine has and no archive holds", async () => {
      const archive = join(images, "once.tar");
      const imageId = writeBusyboxImage(archive, { tags: ["once:1"], config: { User: "4" } });
      await engine.pullImage("once:1");
      rmSync(archive);
      expect(await engine.pullImage("once:1")).toEqual({ imageId });
    });

    it("says where images come from when there is none", async () => {
      const error = await failure(engine.pullImage("nowhere:1"));
      expect(error.kind).toBe("image-missing");
      expect(error.message).toMatch(/nowhere:1 .*estiba image load/);
    });

    it("reports what the engine says about an archive it cannot load", async () => {
      const archive = join(images, "broken.tar");
      writeBusyboxImage(archive, { tags: ["broken:1"], files: { "www/own-layer": "broken" } });
      const content = readFileSync(archive);
      // The layer no longer matches the digest in the configuration.
      content.fill(0x55, 200_000, 200_100);
      writeFileSync(archive, content);
      const error = await failure(engine.pullImage("broken:1"));
      expect(error.kind).toBe("refused");
      expect(error.message).toMatch(/cannot be loaded: .*\w/);
    });
  });

  describe("a container's life", () => {
    it("refuses a command that is not there in the engine's words, and keeps them", async () => {
      const id = await create({ Cmd: ["no-such-program"] });
      const error = await failure(engine.start(id));
      expect(error.kind).toBe("refused");
      expect(error.message).toContain('"no-such-program": executable file not found');
      expect(await inspected(id)).toMatchObject({
        status: "created",
        error: expect.stringContaining("no-such-program") as string,
      });
    });

    it("refuses what the container needs and is not there, by its name", async () => {
      const error = await failure(
        create({}, { NetworkMode: "no-such-network" }).then((id) => engine.start(id)),
      );
      expect(error.kind).toBe("refused");
      expect(error.message).toContain("no-such-network");
    });

    it("refuses a setting that Docker refuses", async () => {
      const error = await failure(create({}, { Memory: 1 }));
      expect(error.kind).toBe("refused");
      expect(error.message).toMatch(/memory limit/i);
    });

    it("stops with the image's own signal", async () => {
      writeBusyboxImage(join(images, "signal.tar"), {
        tags: ["signal:1"],
        config: { StopSignal: "SIGUSR1" },
      });
      await engine.pullImage("signal:1");
      const id = await run({
        Image: "signal:1",
        ...shell("trap 'exit 42' USR1; trap '' TERM; echo ready; sleep 1000 & wait"),
      });
      await until(async () => (await inspected(id)).status === "running");
      await engine.stop(id, 30);
      expect(await inspected(id)).toMatchObject({ status: "exited", exitCode: 42 });
    });

    it("gives a container its whole stop timeout, and no more", async () => {
      const id = await run(shell("trap '' TERM; while true; do sleep 1; done"));
      const started = systemClock.monotonic();
      await engine.stop(id, 2);
      const seconds = (systemClock.monotonic() - started) / 1000;
      expect(await inspected(id)).toMatchObject({ status: "exited", exitCode: 137, oomKilled: false });
      expect(seconds).toBeGreaterThan(1.9);
      expect(seconds).toBeLessThan(10);
    });

    it("tells a container that was killed for its memory from one that was killed", async () => {
      for (let round = 0; round < 3; round += 1) {
        const id = await run(shell("tail /dev/zero"), { Memory: 8 * MIB });
        expect(await ended(id)).toMatchObject({ exitCode: 137, oomKilled: true });
      }
    });

    it("reports the exit code of an end by itself", async () => {
      expect((await ended(await run(shell("exit 7")))).exitCode).toBe(7);
      expect((await ended(await run(shell("sh -c 'kill -9 $$'; exit $?")))).exitCode).toBe(137);
    });

    it("follows a health check from starting to healthy to unhealthy and back, and tells the watcher", async () => {
      const seen: string[] = [];
      const watch = await engine.watch(
        (id) => void seen.push(id),
        () => {},
      );
      const shared = join(daemon.folder, "shared");
      mkdirSync(shared);
      const id = await run(
        {
          ...RUNS_UNTIL_STOPPED,
          Healthcheck: {
            Test: ["CMD-SHELL", "test -f /shared/ok"],
            Interval: 100_000_000,
            Timeout: 5_000_000_000,
            Retries: 2,
            StartPeriod: 3_600_000_000_000,
          },
        },
        { Binds: [`${shared}:/shared`] },
      );
      expect((await inspected(id)).health).toBe("starting");
      const becomes = async (health: string, act: () => void) => {
        const before = seen.filter((s) => s === id).length;
        act();
        await until(async () => (await inspected(id)).health === health);
        await until(() => seen.filter((s) => s === id).length > before);
      };
      await becomes("healthy", () => writeFileSync(join(shared, "ok"), ""));
      await becomes("unhealthy", () => rmSync(join(shared, "ok")));
      await becomes("healthy", () => writeFileSync(join(shared, "ok"), ""));
      watch.close();
    });

    it("removes a container's anonymous volumes with it, and refuses to remove a volume in use", async () => {
      const client = new DockerClient({ socketPath: daemon.socketPath, clock: systemClock });
      const volumes = async () =>
        ((await client.send({ method: "GET", path: "/volumes" })).body as { Volumes: object[] | null })
          .Volumes?.length ?? 0;
      await engine.createVolume("kept", {});
      const id = await create({ Volumes: { "/data": {} } }, { Binds: ["kept:/kept"] });
      expect(await volumes()).toBe(2);
      expect((await failure(engine.removeVolume("kept"))).kind).toBe("conflict");
      await engine.remove(id);
      expect(await volumes()).toBe(1);
      await engine.removeVolume("kept");
      expect(await volumes()).toBe(0);
      client.close();
    });

    it("ends well when two remove the same container at once", async () => {
      const id = await run(RUNS_UNTIL_STOPPED);
      await Promise.all([engine.remove(id), engine.remove(id), engine.remove(id)]);
      expect(await engine.inspect(id)).toBeUndefined();
    });

    it("measures a busy container", async () => {
      const id = await run(shell("while true; do true; done"));
      const first = await engine.stats(id);
      await until(
        async () =>
          ((await engine.stats(id))?.cpuNanoseconds ?? 0) > (first?.cpuNanoseconds ?? Infinity) + 100_000_000,
      );
      expect((await engine.stats(id))?.memoryBytes).toBeGreaterThan(10_000);
    });
  });

  describe("networks", () => {
    it("publishes the given host port of a bridge container, from 32768 on", async () => {
      const hostPort = port++;
      const id = await run(
        {
          ...shell("echo from the container > /www/index.html; exec httpd -f -p 80 -h /www"),
          ExposedPorts: { "80/tcp": {} },
        },
        { NetworkMode: "bridge", PortBindings: { "80/tcp": [{ HostPort: String(hostPort) }] } },
      );
      const state = await inspected(id);
      expect(hostPort).toBeGreaterThanOrEqual(32768);
      expect(state.ports).toEqual([{ containerPort: 80, hostPort, protocol: "tcp", hostIp: "0.0.0.0" }]);
      expect(state.addresses).toEqual([expect.stringMatching(/^172\.17\./)]);
      await until(
        async () =>
          (await daemon
            .inside("busybox", "wget", "-qO-", `http://127.0.0.1:${hostPort}/`)
            .catch(() => "")) === "from the container\n",
      );
    });

    it("says that a port is taken", async () => {
      const hostPort = port++;
      const spec = [
        { ...RUNS_UNTIL_STOPPED, ExposedPorts: { "80/udp": {} } },
        { NetworkMode: "bridge", PortBindings: { "80/udp": [{ HostPort: String(hostPort) }] } },
      ] as const;
      await run(...spec);
      const error = await failure(run(...spec));
      expect(error.kind).toBe("refused");
      expect(error.message).toContain("port is already allocated");
    });

    it("puts a host container into the instance's network and a none container into an empty one", async () => {
      const interfaces = shell("ip -o link | cut -d: -f2 | tr -d ' ' | cut -d@ -f1");
      const host = await run(interfaces, { NetworkMode: "host" });
      const none = await run(interfaces, { NetworkMode: "none" });
      expect((await output(host)).split("\n")).toContain("docker0");
      expect(await output(none)).toBe("lo\n");
      expect(await inspected(host)).toMatchObject({ ports: [], addresses: [] });
    });

    it("lets a container join another's network", async () => {
      const pause = await run(RUNS_UNTIL_STOPPED, { NetworkMode: "bridge" });
      const [address = "none"] = (await inspected(pause)).addresses ?? [];
      const joined = await run(shell("ip -4 -o addr"), { NetworkMode: `container:${pause}` });
      expect(await output(joined)).toContain(` ${address}/`);
      expect((await inspected(joined)).addresses).toEqual([]);
    });
  });

  describe("when the engine dies", () => {
    it("says that the watch is lost, that it is unreachable, and finds the container running afterwards", async () => {
      const id = await run(RUNS_UNTIL_STOPPED);
      const { startedAt } = await inspected(id);
      const lost = vi.fn<(reason: string) => void>();
      await engine.watch(() => {}, lost);
      const closed = vi.fn<(reason: string) => void>();
      (await engine.watch(() => {}, closed)).close();

      await daemon.kill();
      await until(() => lost.mock.calls.length > 0);
      expect(lost.mock.calls).toEqual([[expect.stringContaining("event stream") as string]]);
      expect(closed).not.toHaveBeenCalled();
      expect((await failure(engine.inspect(id))).kind).toBe("unreachable");
      expect((await failure(engine.watch(() => {}, lost))).kind).toBe("unreachable");

      await daemon.start();
      expect(await inspected(id)).toMatchObject({ status: "running", startedAt });
      const seen: string[] = [];
      const watch = await engine.watch(
        (changed) => void seen.push(changed),
        () => {},
      );
      await engine.stop(id, 10);
      await until(() => seen.includes(id));
      expect(await inspected(id)).toMatchObject({ status: "exited", exitCode: 0 });
      watch.close();
    });

    it("hears of an end that happens right after the watch was opened", async () => {
      for (let round = 0; round < 5; round += 1) {
        const id = await run(RUNS_UNTIL_STOPPED);
        const seen: string[] = [];
        const watch = await engine.watch(
          (changed) => void seen.push(changed),
          () => {},
        );
        await engine.remove(id);
        await until(() => seen.includes(id));
        watch.close();
      }
    });
  });
});
