import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { writeBusyboxImage } from "#tests/support/busybox-image.ts";
import { DockerEngine } from "./docker-engine.ts";
import { answer, startFakeDocker, type FakeDocker, type FakeOptions } from "./fake-docker.suite.ts";

type Routes = NonNullable<FakeOptions["routes"]>;
type MutableRoutes = { -readonly [K in keyof Routes]: Routes[K] };

describe("the Docker engine", () => {
  let fake: FakeDocker;
  let engine: DockerEngine;
  let routes: MutableRoutes;
  let images: string;
  const warnings: string[] = [];

  beforeEach(async () => {
    routes = {};
    fake = await startFakeDocker({ routes });
    images = join(fake.folder, "images");
    mkdirSync(images);
    engine = new DockerEngine({
      socketPath: fake.socketPath,
      imagesFolder: images,
      clock: systemClock,
      logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    });
    warnings.length = 0;
  });
  afterEach(async () => {
    engine.close();
    await fake.dispose();
  });
  const asked = (prefix: string) => fake.requests.filter((request) => request.startsWith(prefix)).length;

  it("loads an archive once for many tasks that start at once", async () => {
    writeBusyboxImage(join(images, "a.tar"), { tags: ["web:1"] });
    let loaded = false;
    routes["POST /images/load"] = (response) => {
      loaded = true;
      answer(response, 200, { stream: "Loaded" });
    };
    routes["GET /images/web:1/json"] = (response) =>
      loaded
        ? answer(response, 200, { Id: "sha256:made-by-the-engine" })
        : answer(response, 404, { message: "none" });
    const pulled = await Promise.all(Array.from({ length: 10 }, () => engine.pullImage("web:1")));
    expect(new Set(pulled.map((image) => image.imageId))).toEqual(new Set(["sha256:made-by-the-engine"]));
    expect(asked("POST /images/load")).toBe(1);
    // An engine may name images by more than their configuration: what was loaded is remembered.
    await engine.pullImage("web:1");
    expect(asked("POST /images/load")).toBe(1);
  });

  it("loads nothing when the engine has the archive's image", async () => {
    const imageId = writeBusyboxImage(join(images, "a.tar"), { tags: ["web:1"] });
    routes["GET /images/web:1/json"] = (response) => answer(response, 200, { Id: imageId });
    expect(await engine.pullImage("web:1")).toEqual({ imageId });
    expect(asked("POST /images/load")).toBe(0);
  });

  it("tries a failed load again the next time", async () => {
    writeBusyboxImage(join(images, "a.tar"), { tags: ["web:1"] });
    routes["POST /images/load"] = (response) =>
      answer(response, 200, {
        errorDetail: { message: "no space left on device" },
        error: "no space left on device",
      });
    for (let round = 1; round <= 2; round += 1) {
      await expect(engine.pullImage("web:1")).rejects.toMatchObject({
        kind: "refused",
        message: expect.stringContaining("no space left on device") as string,
      });
      expect(asked("POST /images/load")).toBe(round);
    }
  });

  it.each(["a b", "a/../../containers/json", "web?x=1", "", "UPPER", "a@sha256:zz", "x".repeat(1000)])(
    "asks the engine nothing about the malformed reference %j",
    async (reference) => {
      await expect(engine.findImage(reference)).rejects.toMatchObject({ kind: "refused" });
      await expect(engine.pullImage(reference)).rejects.toThrow(/invalid reference format/);
      expect(fake.requests).toEqual([]);
    },
  );

  it("escapes ids and names that would change a path", async () => {
    await engine.inspect("../info");
    await engine.removeVolume("a/b?c");
    expect(fake.requests.slice(1)).toEqual(["GET /containers/..%2Finfo/json", "DELETE /volumes/a%2Fb%3Fc"]);
  });

  it("logs a setting that Docker does not honour", async () => {
    routes["POST /containers/create"] = (response) =>
      answer(response, 201, { Id: "c", Warnings: ["Your kernel does not support swap limit capabilities"] });
    expect(await engine.create({ name: "n", config: {}, hostConfig: {} })).toBe("c");
    expect(warnings).toEqual(["Docker does not honour a setting."]);
  });

  it("tells a missing image from another missing part by looking for the image", async () => {
    routes["POST /containers/create"] = (response) => answer(response, 404, { message: "no such thing" });
    const spec = { name: "n", config: { Image: "web:1" }, hostConfig: {} };
    await expect(engine.create(spec)).rejects.toMatchObject({
      kind: "image-missing",
      message: "no such thing",
    });
    routes["GET /images/web:1/json"] = (response) => answer(response, 200, { Id: "sha256:x" });
    await expect(engine.create(spec)).rejects.toMatchObject({ kind: "refused", message: "no such thing" });
  });

  it("leaves out of a list what was removed meanwhile", async () => {
    routes["GET /containers/json"] = (response) => answer(response, 200, [{ Id: "a" }, { Id: "gone" }]);
    routes["GET /containers/a/json"] = (response) =>
      answer(response, 200, { Id: "a", Name: "/n", State: { Status: "running" } });
    expect((await engine.list("l", "v")).map((c) => c.id)).toEqual(["a"]);
  });

  it("waits for the end of a removal that another began", async () => {
    routes["DELETE /containers/a"] = (response) =>
      answer(response, 409, { message: "removal of container a is already in progress" });
    routes["POST /containers/a/wait"] = (response) => answer(response, 200, { StatusCode: 0 });
    await engine.remove("a");
    expect(fake.requests.at(-1)).toBe("POST /containers/a/wait?condition=removed");
  });

  it("loses a watch whose stream holds what is no JSON", async () => {
    routes["GET /info"] = (response) => answer(response, 200, { SystemTime: "2026-01-01T00:00:00.5Z" });
    routes["GET /events"] = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"Type":"container","Action":"start","Actor":{"ID":"a"}}\n{"Type":"container",');
      response.write(
        '"Action":"health_status: healthy","Actor":{"ID":"b"}}\n{"Type":"network","Action":"start"}\n',
      );
      response.write('{"Type":"container","Action":"exec_die","Actor":{"ID":"c"}}\nnonsense\n');
    };
    const seen: string[] = [];
    const reason = await new Promise<string>((resolve, reject) => {
      engine.watch((id) => void seen.push(id), resolve).catch(reject);
    });
    expect(reason).toMatch(/broke/);
    expect(seen).toEqual(["a", "b"]);
    expect(fake.requests.at(-1)).toContain(`/events?since=${Date.UTC(2026, 0, 1) / 1000}&`);
  });

  it("hears nothing after a watch was closed", async () => {
    routes["GET /info"] = (response) => answer(response, 200, {});
    let ended: () => void = () => {};
    const end = new Promise<void>((resolve) => (ended = resolve));
    routes["GET /events"] = (response) => {
      response.on("close", ended).writeHead(200).flushHeaders();
    };
    const calls: string[] = [];
    const watch = await engine.watch(
      (id) => void calls.push(id),
      (reason) => void calls.push(reason),
    );
    watch.close();
    await end;
    expect(calls).toEqual([]);
  });
});
