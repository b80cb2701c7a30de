// The HAProxy driver against a real HAProxy on loopback addresses: the common suite, then what only a proxy can show.
import { get, type IncomingMessage } from "node:http";
import { stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startLoad } from "#tests/support/load.ts";
import { driverSuite } from "../driver.suite.ts";
import {
  StructureRefused,
  type ListenerAction,
  type LoadBalancerDriver,
  type ProxyEvent,
  type ProxyTarget,
} from "../port.ts";
import { testGroup, testStructure } from "../test-structure.ts";
import { createTestProxy, type TestTarget } from "./test-proxy.suite.ts";

const address = "127.0.0.8";

driverSuite("HAProxy", async () => {
  const proxy = await createTestProxy();
  const driver = proxy.newDriver();
  const made = new Map<string, TestTarget>();
  return {
    driver,
    structure: testStructure({ address, port: await proxy.freePort(address) }),
    groupId: "a1",
    async target(key, healthy) {
      const target = made.get(key) ?? (await proxy.newTarget(key, healthy ? 200 : 503));
      made.set(key, target);
      return target.target;
    },
    async dispose() {
      await driver.close();
      await proxy.dispose();
    },
  };
});

describe("HAProxy under its driver", () => {
  let proxy: Awaited<ReturnType<typeof createTestProxy>>;
  let driver: LoadBalancerDriver;
  let port: number;
  let events: ProxyEvent[];

  const hear = (event: ProxyEvent) => void events.push(event);
  const last = (key: string) => events.filter((e) => e.key === key).at(-1);
  const eventually = (check: () => void | Promise<void>, timeout = 20_000) =>
    vi.waitFor(check, { timeout, interval: 20 });
  const healthy = (...targets: TestTarget[]) =>
    eventually(() => {
      for (const t of targets) expect(last(t.target.key)?.type).toBe("healthy");
    });
  const structure = (change: Partial<Parameters<typeof testStructure>[0]> = {}) =>
    testStructure({ address, port, ...change });
  const register = (...targets: readonly (TestTarget | ProxyTarget)[]) =>
    driver.applyTargets(
      "a1",
      targets.map((t) => ("server" in t ? t.target : t)),
    );
  const fetchOnce = (path = "/", headers: Record<string, string> = {}) =>
    new Promise<{ status: number; body: string; headers: IncomingMessage["headers"] }>((resolve, reject) => {
      get({ host: address, port, path, headers, agent: false }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (text: string) => (body += text));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
        answer.on("error", reject);
      }).on("error", reject);
    });
  const masterPid = async () => (await proxy.supervisor.state("haproxy-test"))?.pid ?? 0;

  beforeEach(async () => {
    proxy = await createTestProxy();
    port = await proxy.freePort(address);
    events = [];
    driver = proxy.newDriver();
    await driver.start(hear);
  });
  afterEach(async () => {
    await driver.close();
    await proxy.dispose();
  });

  it("keeps its folder closed to others", async () => {
    expect((await stat(proxy.directory)).mode & 0o777).toBe(0o700);
  });

  it("gives a target that answers 503 no request: at registration, reload, a driver's restart and the master's death", async () => {
    await driver.applyStructure(structure());
    const [good, bad] = [await proxy.newTarget("good"), await proxy.newTarget("bad", 503)];
    await register(good, bad);
    await healthy(good);
    const load = startLoad({ host: address, port, requestsPerSecond: 200, keepAlive: false });
    await eventually(() => expect(last("bad")?.type).toBe("unhealthy"));
    await driver.applyStructure(structure({ groups: [testGroup("a1"), testGroup("a2")] }));
    const fresh = await proxy.newTarget("fresh", 503);
    await register(good, bad, fresh);
    await driver.applyStructure(structure());
    await driver.close();
    driver = proxy.newDriver();
    events = [];
    await driver.start(hear);
    await driver.applyStructure(structure());
    await register(good, bad, fresh);
    await healthy(good);
    expect((await load.stop()).failures).toEqual([]);

    const before = await masterPid();
    process.kill(before, "SIGKILL");
    await eventually(async () => expect(await masterPid()).not.toBe(before));
    await eventually(async () => expect((await fetchOnce()).status).toBe(200));
    const again = startLoad({ host: address, port, requestsPerSecond: 200, keepAlive: false });
    const checks = bad.checks;
    await eventually(() => expect(bad.checks).toBeGreaterThan(checks + 1));
    expect((await again.stop()).failures).toEqual([]);
    expect([bad.requests.length, fresh.requests.length]).toEqual([0, 0]);
  });

  it("takes one passed check for a new target, the thresholds afterwards", async () => {
    await driver.applyStructure(
      structure({
        groups: [testGroup("a1", { healthCheck: { ...testGroup("a1").healthCheck, healthyThreshold: 3 } })],
      }),
    );
    const [one, other] = [await proxy.newTarget("one"), await proxy.newTarget("other")];
    await register(one, other);
    await healthy(one, other);
    expect(one.checks).toBeLessThanOrEqual(2);
    one.status = 503;
    await eventually(() =>
      expect(last("one")).toMatchObject({
        reason: "Target.ResponseCodeMismatch",
        description: "Health checks failed with these codes: [503]",
      }),
    );
    one.status = 200;
    const before = one.checks;
    await healthy(one);
    expect(one.checks - before).toBeGreaterThanOrEqual(2);
  });

  it("knows a matcher's ranges, a refused connection and a timeout", async () => {
    await driver.applyStructure(
      structure({
        groups: [
          testGroup("a1", { healthCheck: { ...testGroup("a1").healthCheck, matcher: "200-299,404" } }),
        ],
      }),
    );
    const [found, created] = [await proxy.newTarget("found", 404), await proxy.newTarget("created", 201)];
    const gone = await proxy.newTarget("gone");
    await new Promise((resolve) => gone.server.close(resolve));
    await register(found, created, gone);
    await healthy(found, created);
    await eventually(() => expect(last("gone")).toMatchObject({ reason: "Target.FailedHealthChecks" }));
  });

  it("lets a slow request end while draining, gives the target no other, and then calls it idle", async () => {
    await driver.applyStructure(structure());
    const [slow, other] = [await proxy.newTarget("slow"), await proxy.newTarget("other")];
    slow.delayMs = 1500;
    await register(slow);
    await healthy(slow);
    const inFlight = fetchOnce();
    await eventually(() => expect(slow.requests.length).toBe(1));
    await register({ ...slow.target, state: "draining" }, other);
    await healthy(other);
    expect((await fetchOnce()).body).toBe("other");
    expect(last("slow")?.type).toBe("healthy");
    expect(await inFlight).toMatchObject({ status: 200, body: "slow" });
    await eventually(() => expect(last("slow")?.type).toBe("idle"));
    expect(slow.requests.length).toBe(1);
  });

  it("sees a request in flight in an old worker as well, and ends it when the target is removed", async () => {
    await driver.applyStructure(structure());
    const slow = await proxy.newTarget("slow");
    slow.delayMs = 10_000;
    await register(slow);
    await healthy(slow);
    const inFlight = fetchOnce();
    await eventually(() => expect(slow.requests.length).toBe(1));
    await driver.applyStructure(structure({ groups: [testGroup("a1"), testGroup("a2")] }));
    await register({ ...slow.target, state: "draining" });
    const looks = slow.checks;
    await driver.applyStructure(structure());
    expect(last("slow")?.type).toBe("healthy");
    expect(slow.checks).toBeLessThanOrEqual(looks + 2);
    await register();
    expect((await inFlight).status).toBeGreaterThanOrEqual(500);
  });

  it("loses no request of 100 keep-alive connections while it reloads and targets change", async () => {
    await driver.applyStructure(structure());
    const [one, two] = [await proxy.newTarget("one"), await proxy.newTarget("two")];
    one.delayMs = two.delayMs = 100;
    await register(one, two);
    await healthy(one, two);
    const load = startLoad({
      host: address,
      port,
      requestsPerSecond: 400,
      keepAlive: true,
      connections: 100,
    });
    for (let round = 0; round < 4; round++) {
      await driver.applyStructure(structure({ groups: [testGroup("a1"), testGroup(`a${round + 2}`)] }));
      const next = await proxy.newTarget(`next-${round}`);
      await register(one, two, next);
      await healthy(next);
      await register(one, two, { ...next.target, state: "draining" });
      await eventually(() => expect(last(next.target.key)?.type).toBe("idle"));
      await register(one, two);
    }
    const result = await load.stop();
    expect(result.failures).toEqual([]);
    expect(result.answered).toBeGreaterThan(500);
  });

  it("fails open when all targets are unhealthy, answers 503 for none and 502 for a refused connection", async () => {
    await driver.applyStructure(structure());
    expect(await fetchOnce()).toMatchObject({ status: 503, headers: { server: "awselb/2.0" } });
    const [one, two] = [await proxy.newTarget("one", 503), await proxy.newTarget("two")];
    await register(one, two);
    await healthy(two);
    two.status = 418;
    await eventually(() =>
      expect([last("one")?.type, last("two")?.type]).toEqual(["unhealthy", "unhealthy"]),
    );
    const statuses = new Set<number>();
    for (let i = 0; i < 4; i++) statuses.add((await fetchOnce()).status);
    expect([...statuses].sort()).toEqual([418, 503]);
    two.server.closeAllConnections();
    await new Promise((resolve) => two.server.close(resolve));
    await register(two);
    expect(await fetchOnce()).toMatchObject({ status: 502, headers: { server: "awselb/2.0" } });
    await register();
    expect((await fetchOnce()).status).toBe(503);
  });

  it("answers 504 when a target is slower than the idle timeout", async () => {
    await driver.applyStructure(structure({ idleTimeoutSeconds: 1 }));
    const slow = await proxy.newTarget("slow");
    slow.delayMs = 5000;
    await register(slow);
    await healthy(slow);
    expect((await fetchOnce()).status).toBe(504);
  });

  it("shifts weights without a reload", async () => {
    const forward = (a: number, b: number): ListenerAction => ({
      type: "forward",
      targetGroups: [
        { targetGroupId: "a1", weight: a },
        { targetGroupId: "a2", weight: b },
      ],
    });
    const groups = [testGroup("a1"), testGroup("a2")];
    await driver.applyStructure(structure({ action: forward(1, 0), groups }));
    const [blue, green] = [await proxy.newTarget("blue"), await proxy.newTarget("green")];
    await register(blue);
    await driver.applyTargets("a2", [green.target]);
    await healthy(blue, green);
    const count = async () => {
      const bodies = [];
      for (let i = 0; i < 40; i++) bodies.push((await fetchOnce()).body);
      return bodies.filter((body) => body === "green").length;
    };
    expect(await count()).toBe(0);
    const lines = (await proxy.supervisor.tail("haproxy-test", 100)).length;
    await driver.applyStructure(structure({ action: forward(50, 50), groups }));
    const half = await count();
    expect(half).toBeGreaterThan(5);
    expect(half).toBeLessThan(35);
    await driver.applyStructure(structure({ action: forward(0, 1), groups }));
    expect(await count()).toBe(40);
    expect((await proxy.supervisor.tail("haproxy-test", 100)).length).toBe(lines);
    await driver.applyStructure(structure({ action: forward(0, 0), groups }));
    expect((await fetchOnce()).status).toBe(503);
  });

  it("keeps a client at its target by cookie, also after a reload, until the target drains", async () => {
    const groups = [testGroup("a1", { stickiness: { cookieName: "AWSALB", durationSeconds: 60 } })];
    await driver.applyStructure(structure({ groups }));
    const [one, two] = [await proxy.newTarget("one"), await proxy.newTarget("two")];
    await register(one, two);
    await healthy(one, two);
    const first = await fetchOnce();
    const cookie = (first.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
    expect(cookie).toMatch(/^AWSALB=.+/);
    for (let i = 0; i < 5; i++) expect((await fetchOnce("/", { cookie })).body).toBe(first.body);
    await driver.applyStructure(structure({ groups: [...groups, testGroup("a2")] }));
    for (let i = 0; i < 5; i++) expect((await fetchOnce("/", { cookie })).body).toBe(first.body);
    const [stuck, free] = first.body === "one" ? [one, two] : [two, one];
    await register({ ...stuck.target, state: "draining" }, free);
    expect((await fetchOnce("/", { cookie })).body).toBe(free.target.key);
  });

  it("is adopted by another driver without a reload or a lost target", async () => {
    await driver.applyStructure(structure());
    const one = await proxy.newTarget("one");
    await register(one);
    await healthy(one);
    await driver.close();
    const [pid, lines] = [await masterPid(), (await proxy.supervisor.tail("haproxy-test", 100)).length];
    driver = proxy.newDriver();
    events = [];
    await driver.start(hear);
    await driver.applyStructure(structure());
    await healthy(one);
    expect((await fetchOnce()).body).toBe("one");
    expect([await masterPid(), (await proxy.supervisor.tail("haproxy-test", 100)).length]).toEqual([
      pid,
      lines,
    ]);
    expect(one.requests.length).toBe(1);
  });

  it("trusts a target last known as healthy after a cold start, before its first check", async () => {
    await driver.applyStructure(structure());
    const one = await proxy.newTarget("one");
    await register({ ...one.target, knownHealthy: true });
    expect((await fetchOnce()).body).toBe("one");
  });

  it("keeps what runs when a structure is refused: by the check, or by an address it cannot bind", async () => {
    await driver.applyStructure(structure());
    const one = await proxy.newTarget("one");
    await register(one);
    await healthy(one);
    const forward: ListenerAction = { type: "forward", targetGroups: [{ targetGroupId: "gone", weight: 1 }] };
    await expect(driver.applyStructure(structure({ action: forward }))).rejects.toBeInstanceOf(
      StructureRefused,
    );
    expect((await fetchOnce()).body).toBe("one");
    await expect(
      driver.applyStructure(testStructure({ address: "203.0.113.9", port })),
    ).rejects.toBeInstanceOf(StructureRefused);
    expect((await fetchOnce()).body).toBe("one");
    await driver.applyStructure(structure({ groups: [testGroup("a1"), testGroup("a2")] }));
    expect((await fetchOnce()).body).toBe("one");
  });

  it("answers a fixed response byte for byte, whatever its text holds", async () => {
    const body = "a\n  http-request deny\n\"'\\ $HOME %[src] # ünï; }";
    await driver.applyStructure(
      structure({ action: { type: "fixed-response", statusCode: 418, contentType: "text/plain", body } }),
    );
    expect(await fetchOnce()).toMatchObject({ status: 418, body });
  });

  it("keeps connections to a target that was added at run time, and uses them again", async () => {
    await driver.applyStructure(structure());
    const one = await proxy.newTarget("one");
    one.server.keepAliveTimeout = 30_000;
    await register(one);
    await healthy(one);
    let connections = 0;
    one.server.on("connection", () => (connections += 1));
    const load = startLoad({ host: address, port, requestsPerSecond: 200, keepAlive: true, connections: 5 });
    await eventually(() => expect(one.requests.length).toBeGreaterThan(100));
    expect((await load.stop()).failures).toEqual([]);
    expect(connections).toBeLessThan(one.requests.length / 2);
  });

  it("redirects with the request's host, path and query", async () => {
    const location = {
      protocol: "HTTPS",
      host: "#{host}",
      port: "443",
      path: "/x%\n#{path}",
      query: "#{query}",
    };
    await driver.applyStructure(structure({ action: { type: "redirect", statusCode: 301, location } }));
    const headers = { host: "web.test:81" };
    expect((await fetchOnce("/a/b?c=d", headers)).headers.location).toBe("https://web.test:443/x%%0Aa/b?c=d");
    expect((await fetchOnce("/a", headers)).headers.location).toBe("https://web.test:443/x%%0Aa");
  });

  it("adds the headers that an ALB adds", async () => {
    await driver.applyStructure(structure());
    const one = await proxy.newTarget("one");
    await register(one);
    await healthy(one);
    await fetchOnce("/", { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https" });
    expect(one.requests[0]?.headers).toMatchObject({
      "x-forwarded-for": "192.0.2.1, 127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-port": String(port),
      "x-amzn-trace-id": expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/) as string,
    });
  });
});
