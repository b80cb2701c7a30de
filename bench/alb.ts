// Requests a second through the driven HAProxy against a hand-written configuration of the same shape, in one run, in turns. The
// targets are a HAProxy too, that answers by itself, so that the proxy in front is what is measured. Needs haproxy and wrk.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ProxyEvent } from "#loadbalancer/port.ts";
import { createTestProxy } from "#loadbalancer/haproxy/test-proxy.suite.ts";
import { testStructure, testTarget } from "#loadbalancer/test-structure.ts";
import { report, round } from "./report.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "4" }, rounds: { type: "string", default: "3" } },
});
const address = "127.0.0.18";
const targetPorts = [18_081, 18_082, 18_083, 18_084];
const byHand = 18_090;

const folder = mkdtempSync(join(tmpdir(), "bench-alb-"));
const common =
  "global\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n";
writeFileSync(
  join(folder, "targets.cfg"),
  `${common}${targetPorts.map((p) => `frontend t${p}\n  bind ${address}:${p}\n  http-request return status 200 content-type text/plain string hello\n`).join("")}`,
);
writeFileSync(
  join(folder, "hand.cfg"),
  `${common}frontend web\n  bind ${address}:${byHand}\n  option forwardfor\n  default_backend app\nbackend app\n  balance roundrobin\n  option httpchk GET /health\n${targetPorts.map((p) => `  server s${p} ${address}:${p} check\n`).join("")}`,
);
const started = ["targets", "hand"].map((name) =>
  spawn("haproxy", ["-db", "-f", join(folder, `${name}.cfg`)], { stdio: "ignore" }),
);

const statusOf = (port: number) =>
  new Promise<number>((resolve) => {
    request({ host: address, port, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on("error", () => resolve(0))
      .end();
  });
const until = async (what: string, done: () => Promise<boolean> | boolean) => {
  for (let i = 0; i < 200; i++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ten seconds: ${what}`);
};
const wrk = (port: number, keepAlive: boolean) => {
  const headers = keepAlive ? [] : ["-H", "Connection: close"];
  const text = execFileSync(
    "wrk",
    ["-t1", "-c50", `-d${values.seconds}s`, "--latency", ...headers, `http://${address}:${port}/`],
    {
      encoding: "utf8",
    },
  );
  assert.doesNotMatch(text, /Non-2xx|Socket errors/, text);
  const [, requests] = /Requests\/sec:\s+([\d.]+)/.exec(text) ?? [];
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const scale = unit === "us" ? 0.001 : unit === "s" ? 1000 : 1;
  return { requestsPerSecond: Math.round(Number(requests)), p99Ms: round(Number(p99) * scale) };
};
const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const proxy = await createTestProxy();
try {
  const port = await proxy.freePort(address);
  const driver = proxy.newDriver();
  const events: ProxyEvent[] = [];
  await driver.start((event) => events.push(event));
  await driver.applyStructure(testStructure({ address, port }));
  await driver.applyTargets(
    "a1",
    targetPorts.map((p) => testTarget(`t${p}`, address, p)),
  );
  await until(
    "every target is healthy",
    () => events.filter((e) => e.type === "healthy").length === targetPorts.length,
  );
  await until("the hand-written proxy answers", async () => (await statusOf(byHand)) === 200);
  assert.equal(await statusOf(port), 200);
  const results: Record<string, unknown> = {};
  for (const keepAlive of [true, false]) {
    const driven: ReturnType<typeof wrk>[] = [];
    const hand: ReturnType<typeof wrk>[] = [];
    for (let i = 0; i < Number(values.rounds); i++) {
      driven.push(wrk(port, keepAlive));
      hand.push(wrk(byHand, keepAlive));
    }
    const rate = (runs: typeof driven) => median(runs.map((r) => r.requestsPerSecond));
    results[keepAlive ? "keepAlive" : "connectionEach"] = {
      driven: { requestsPerSecond: rate(driven), p99Ms: median(driven.map((r) => r.p99Ms)) },
      byHand: { requestsPerSecond: rate(hand), p99Ms: median(hand.map((r) => r.p99Ms)) },
      ratio: round(rate(driven) / rate(hand)),
    };
  }
  await driver.close();
  report("alb", {
    secondsEach: Number(values.seconds),
    rounds: Number(values.rounds),
    connections: 50,
    ...results,
  });
} finally {
  await proxy.dispose();
  for (const child of started) child.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
