import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { TestClock } from "#lib/test-clock.ts";
import { DockerClient, DockerRefusal } from "./client.ts";
import { answer, startFakeDocker, type FakeDocker, type FakeOptions } from "./fake-docker.suite.ts";

describe("the Docker client", () => {
  let fake: FakeDocker;
  let client: DockerClient;
  afterEach(async () => {
    client.close();
    await fake.dispose();
  });
  const start = async (options: FakeOptions, clock = systemClock) => {
    fake = await startFakeDocker(options);
    client = new DockerClient({ socketPath: fake.socketPath, clock });
  };
  const get = (path: string) => client.send({ method: "GET", path });

  it("asks for the version once and speaks it", async () => {
    let url: string | undefined;
    await start({
      routes: {
        "GET /info": (response, request) => {
          url = request.url;
          answer(response, 200, { NCPU: 2 });
        },
      },
    });
    expect(await get("/info")).toEqual({ status: 200, body: { NCPU: 2 } });
    await get("/info");
    expect(url).toBe("/v1.41/info");
    expect(fake.requests).toEqual(["GET /_ping", "GET /info", "GET /info"]);
  });

  it("keeps its connection for the next request", async () => {
    const ports = new Set<unknown>();
    await start({
      routes: {
        "GET /info": (response, request) => {
          ports.add(request.socket);
          answer(response, 200, {});
        },
      },
    });
    for (let i = 0; i < 3; i += 1) await get("/info");
    expect(ports.size).toBe(1);
  });

  it.each([
    [404, "not-found"],
    [409, "conflict"],
    [400, "refused"],
    [500, "refused"],
  ])("tells an answer of %i as %s, in the engine's words", async (status, kind) => {
    await start({ routes: { "GET /x": (response) => answer(response, status, { message: "the word" }) } });
    await expect(get("/x")).rejects.toMatchObject({ kind, status, message: "the word" });
  });

  it("tells a refusal without words as one", async () => {
    await start({ routes: { "GET /x": (response) => void response.writeHead(500).end() } });
    await expect(get("/x")).rejects.toThrow("Docker gave no reason");
  });

  it("takes `not modified` as an answer and another place as a refusal", async () => {
    await start({
      routes: {
        "GET /same": (response) => void response.writeHead(304).end(),
        "GET /moved": (response) => void response.writeHead(301, { location: "/x" }).end(),
      },
    });
    expect((await get("/same")).status).toBe(304);
    await expect(get("/moved")).rejects.toBeInstanceOf(DockerRefusal);
  });

  it("is unreachable without an engine, and asks for the version anew when it is back", async () => {
    const options: FakeOptions = { routes: { "GET /info": (response) => answer(response, 200, {}) } };
    await start(options);
    await get("/info");
    await fake.stop();
    await expect(get("/info")).rejects.toMatchObject({ kind: "unreachable" });
    await expect(get("/info")).rejects.toMatchObject({ kind: "unreachable" });
    options.apiVersion = "1.30";
    await fake.start();
    await get("/info");
    expect(await client.version()).toBe("1.30");
  });

  it("is unreachable when the engine goes away within its answer", async () => {
    await start({
      routes: {
        "GET /info": (response, request) => {
          response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
          response.write("{", () => request.socket.destroy());
        },
      },
    });
    await expect(get("/info")).rejects.toMatchObject({ kind: "unreachable" });
  });

  it("gives up on an engine that does not answer in time", async () => {
    const clock = new TestClock();
    let arrived: () => void = () => {};
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    await start({ routes: { "GET /hangs": () => arrived() } }, clock);
    const outcome = expect(
      client.send({ method: "GET", path: "/hangs", timeoutMs: 7_000 }),
    ).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("no answer to GET /hangs within 7 seconds") as string,
    });
    await asked;
    await clock.advance(7_000);
    await outcome;
    expect(clock.pendingTimers).toBe(0);
  });

  it("refuses an answer without end", async () => {
    await start({
      routes: {
        "GET /endless": (response) => {
          const block = Buffer.alloc(1024 * 1024, 32);
          const more = () => {
            while (!response.destroyed && response.write(block));
            if (!response.destroyed) response.once("drain", more);
          };
          more();
        },
      },
    });
    await expect(get("/endless")).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/larger than/) as string,
    });
  });

  it("sends JSON with its length and escapes the query", async () => {
    const seen: unknown[] = [];
    await start({
      routes: {
        "POST /containers/create": (response, request, body) => {
          seen.push(request.headers["content-length"], JSON.parse(body), request.url);
          answer(response, 201, { Id: "x" });
        },
      },
    });
    await client.send({
      method: "POST",
      path: "/containers/create",
      query: { name: "a&b=c" },
      json: { Image: "é" },
    });
    expect(seen).toEqual(["14", { Image: "é" }, "/v1.41/containers/create?name=a%26b%3Dc"]);
  });

  it("destroys an archive that the engine would not read", async () => {
    await start({
      routes: { "POST /images/load": (response) => answer(response, 500, { message: "no space left" }) },
    });
    const archive = Readable.from([Buffer.alloc(10)]);
    await expect(client.open({ method: "POST", path: "/images/load", archive })).rejects.toMatchObject({
      kind: "refused",
      message: "no space left",
    });
    await expect.poll(() => archive.destroyed).toBe(true);
  });

  it("fails when the archive cannot be read", async () => {
    await start({ routes: { "POST /images/load": (response) => answer(response, 200, {}) } });
    const archive = new Readable({
      read() {
        this.destroy(new Error("the disk is broken"));
      },
    });
    await expect(client.open({ method: "POST", path: "/images/load", archive })).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("the disk is broken") as string,
    });
  });

  it.each(["1.20", "nonsense", ""])("refuses an engine that offers version %j", async (apiVersion) => {
    await start({ apiVersion });
    await expect(get("/info")).rejects.toMatchObject({ kind: "refused" });
    expect(fake.requests).toEqual(["GET /_ping"]);
  });
});
