// A server with simulated hosts as a user starts it: time until it answers, memory, and signed API calls a second with their
// latency, reads and durable writes. Every answer is asserted. `--calls N` and `--callers N` change the load.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { connect, type Connection } from "#cli/connection.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import { percentiles, report, round } from "./report.ts";

const { values } = parseArgs({
  options: { calls: { type: "string", default: "4000" }, callers: { type: "string", default: "16" } },
});
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function call(connection: Connection, operation: string, input: object): Promise<Record<string, unknown>> {
  const body = JSON.stringify(input);
  const url = `${connection.endpoint}/`;
  const headers = signRequest({
    method: "POST",
    url,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `AmazonEC2ContainerServiceV20141113.${operation}`,
    },
    body,
    credentials: connection.credentials,
    region: connection.region,
    service: "ecs",
    time: Date.now(),
  });
  return new Promise((done, failed) => {
    const outgoing = request(url, { method: "POST", headers, agent }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => {
        if (answer.statusCode === 200) done(JSON.parse(text) as Record<string, unknown>);
        else failed(new Error(`${operation}: ${answer.statusCode} ${text}`));
      });
    });
    outgoing.on("error", failed);
    outgoing.end(body);
  });
}

async function measure(calls: number, callers: number, one: (n: number) => Promise<void>) {
  const latencies: number[] = [];
  let next = 0;
  const begin = performance.now();
  const loop = async () => {
    while (next < calls) {
      const n = next++;
      const start = performance.now();
      await one(n);
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: callers }, loop));
  const seconds = (performance.now() - begin) / 1000;
  assert.equal(latencies.length, calls);
  return { callers, callsPerSecond: Math.round(calls / seconds), latencyMs: percentiles(latencies) };
}

const rssMiB = (pid: number) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);

const folder = mkdtempSync(join(tmpdir(), "bench-server-"));
const begin = performance.now();
const server = spawn(
  process.execPath,
  [resolve("bin/estiba.js"), "--data", folder, "up", "--engine", "sim", "--port", "0", "--log-level", "warn"],
  { stdio: ["ignore", "ignore", "inherit"] },
);
const ended = new Promise((done) => server.once("exit", done));
try {
  const connection = await (async () => {
    for (let i = 0; i < 1000; i++) {
      try {
        const found = connect(folder);
        if ((await fetch(`${found.endpoint}/healthz`)).ok) return found;
      } catch {
        // Not yet.
      }
      await new Promise((done) => setTimeout(done, 10));
    }
    throw new Error("the server did not come up within ten seconds");
  })();
  const startMs = performance.now() - begin;
  const atStartMiB = rssMiB(connection.pid);
  const [calls, callers] = [Number(values.calls), Number(values.callers)];
  await call(connection, "CreateCluster", { clusterName: "bench" });
  const definition = (n: number) => ({
    family: `bench-${n % 50}`,
    containerDefinitions: [{ name: "app", image: "app:1", cpu: 64, memory: 64, essential: true }],
  });
  const read = async () => {
    const answer = await call(connection, "DescribeClusters", { clusters: ["bench"] });
    assert.equal((answer["clusters"] as unknown[]).length, 1);
  };
  const write = async (n: number) => {
    const answer = await call(connection, "RegisterTaskDefinition", definition(n));
    assert.ok(answer["taskDefinition"]);
  };
  await measure(500, callers, read);
  const results = {
    startMs: round(startMs, 0),
    describeClusters: [await measure(calls, 1, read), await measure(calls, callers, read)],
    registerTaskDefinition: [
      await measure(Math.ceil(calls / 4), 1, write),
      await measure(calls, callers, write),
    ],
    memoryMiB: { atStart: atStartMiB, afterLoad: rssMiB(connection.pid) },
  };
  report("server", results);
} finally {
  server.kill("SIGTERM");
  await ended;
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
