// What Estiba adds to starting a container: RunTask until DescribeTasks says RUNNING, against `docker run -d` of the same image on
// the same engine, in turns. Also the time to launch an instance and what its agent takes of memory. Needs root; run setup before.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { DescribeTasksCommand, RunTaskCommand, StopTaskCommand } from "@aws-sdk/client-ecs";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import * as stack from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba } from "#tests/support/estiba.ts";
import { percentiles, report, round } from "./report.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "20" } } });
const runs = Number(values.runs);
const run = promisify(execFile);

/** Resident memory of the processes whose command line holds `words`, MiB. */
const rssMiB = (words: string): number[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").includes(words)) return [];
        return [
          Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024),
        ];
      } catch {
        return [];
      }
    });

const estiba = await startEstiba({ vpc: 70 });
try {
  const { clients, dataDirectory } = estiba;
  const folder = stateFolder(dataDirectory);
  await buildDemoImage(join(folder.images, "demo.tar"));
  const place = await stack.findPlace(clients);
  await stack.createCluster(clients);
  const launching = performance.now();
  const [instanceId = ""] = await stack.runInstances(clients, {
    ...place,
    subnets: place.subnets.slice(0, 1),
  });
  await eventually(
    "the container instance",
    async () => (await stack.containerInstances(clients)).length === 1 || undefined,
  );
  const launchMs = performance.now() - launching;
  const taskDefinition = await stack.registerRevision(clients, DEMO_IMAGE, "1");
  const host = `unix://${hostLayout(sharedLayout(folder.hosts, "any"), instanceId).socket}`;

  const viaEcs = async () => {
    const begun = performance.now();
    const { tasks } = await clients.ecs.send(new RunTaskCommand({ cluster: stack.NAME, taskDefinition }));
    const task = tasks?.[0]?.taskArn;
    assert.ok(task);
    for (;;) {
      const answer = await clients.ecs.send(new DescribeTasksCommand({ cluster: stack.NAME, tasks: [task] }));
      const status = answer.tasks?.[0]?.lastStatus;
      assert.notEqual(status, "STOPPED", answer.tasks?.[0]?.stoppedReason);
      if (status === "RUNNING") break;
      await new Promise((done) => setTimeout(done, 5));
    }
    const took = performance.now() - begun;
    await clients.ecs.send(new StopTaskCommand({ cluster: stack.NAME, task }));
    await eventually("the task stops", async () => {
      const answer = await clients.ecs.send(new DescribeTasksCommand({ cluster: stack.NAME, tasks: [task] }));
      return answer.tasks?.[0]?.lastStatus === "STOPPED" || undefined;
    });
    return took;
  };
  const viaDocker = async () => {
    const begun = performance.now();
    const { stdout } = await run("docker", ["-H", host, "run", "-d", "-p", "8080", "-m", "64m", DEMO_IMAGE]);
    const took = performance.now() - begun;
    await run("docker", ["-H", host, "rm", "-f", stdout.trim()]);
    return took;
  };

  await viaEcs();
  await viaDocker();
  const ecs: number[] = [];
  const docker: number[] = [];
  for (let i = 0; i < runs; i++) {
    ecs.push(await viaEcs());
    docker.push(await viaDocker());
  }
  report("run-task", {
    runs,
    runTaskUntilRunningMs: percentiles(ecs),
    dockerRunMs: percentiles(docker),
    addedMs: round((percentiles(ecs)["p50"] ?? 0) - (percentiles(docker)["p50"] ?? 0), 0),
    launchUntilRegisteredMs: round(launchMs, 0),
    memoryMiB: {
      agent: rssMiB("agent.mjs").at(-1),
      server: rssMiB(`--data ${dataDirectory} up`).at(-1),
      engine: rssMiB(folder.hosts).at(-1),
    },
  });
} finally {
  await estiba.destroy();
}
