// What networks cost: starting an awsvpc task against a bridge one, launching instances and their memory, and packets between two
// awsvpc tasks against two containers on an engine's own bridge. Needs root and perl; run setup before.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import {
  DescribeTasksCommand,
  type NetworkMode,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import * as stack from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba } from "#tests/support/estiba.ts";
import { percentiles, report, round } from "./report.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10" },
    hosts: { type: "string", default: "4" },
    seconds: { type: "string", default: "3" },
  },
});
const [runs, hosts, seconds] = [Number(values.runs), Number(values.hosts), Number(values.seconds)];
const run = promisify(execFile);
const PORT = 9999;

/** Counts datagrams from the first one on; the sender says how many it sent. 64 bytes each. */
const RECEIVE = `socket(S,PF_INET,SOCK_DGRAM,17) or die $!; setsockopt(S,SOL_SOCKET,SO_RCVBUF,4<<20); bind(S,sockaddr_in(${PORT},INADDR_ANY)) or die $!; $|=1; print "ready\\n"; $n=0; $SIG{ALRM}=sub{print "$n\\n"; exit}; recv(S,$b,64,0); alarm ${seconds}; while(1){recv(S,$b,64,0); $n++}`;
const ECHO = `socket(S,PF_INET,SOCK_DGRAM,17) or die $!; bind(S,sockaddr_in(${PORT},INADDR_ANY)) or die $!; $|=1; print "ready\\n"; alarm ${seconds + 3}; while($p=recv(S,$b,64,0)){send(S,$b,0,$p)}`;
const open = (to: string) =>
  `socket(S,PF_INET,SOCK_DGRAM,17) or die $!; connect(S,sockaddr_in(${PORT},inet_aton("${to}"))) or die $!; $m="x"x64; $n=0; $SIG{ALRM}=sub{print "$n\\n"; exit};`;
const SEND = (to: string) => `${open(to)} alarm ${seconds + 1}; while(1){send(S,$m,0); $n++}`;
const ASK = (to: string) => `${open(to)} alarm ${seconds}; while(1){send(S,$m,0); recv(S,$b,64,0); $n++}`;

interface End {
  readonly pid: number;
  readonly address: string;
}

/** The program in the end's network namespace; answers what it printed last. `ready` resolves at its first line. */
function inside({ pid }: End, program: string) {
  const child = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, "perl", "-MSocket", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  let begin: () => void = () => {};
  const ready = new Promise<void>((resolve) => (begin = resolve));
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    text += more;
    begin();
  });
  const last = new Promise<number>((resolve) =>
    child.once("exit", () => resolve(Number(text.trim().split("\n").at(-1)))),
  );
  return { ready, last };
}

async function packets(from: End, to: End) {
  const receiver = inside(to, RECEIVE);
  await receiver.ready;
  const sender = inside(from, SEND(to.address));
  const [received, sent] = [await receiver.last, await sender.last];
  assert.ok(received > 0 && sent > 0);
  const echo = inside(to, ECHO);
  await echo.ready;
  const turns = await inside(from, ASK(to.address)).last;
  await echo.last;
  assert.ok(turns > 0);
  return {
    receivedPerSecond: Math.round(received / seconds),
    roundTripsPerSecond: Math.round(turns / seconds),
  };
}

/** Proportional memory (PSS) of the processes in control groups that name the instance, MiB. */
function memoryOf(instanceId: string): number {
  let kib = 0;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (!readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(instanceId)) continue;
      kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // It ended in between.
    }
  }
  return round(kib / 1024, 1);
}

const estiba = await startEstiba({ vpc: 154 });
try {
  const { clients, dataDirectory } = estiba;
  const folder = stateFolder(dataDirectory);
  await buildDemoImage(join(folder.images, "demo.tar"));
  const place = await stack.findPlace(clients);
  await stack.createCluster(clients);
  const subnet = place.subnets[0];
  assert.ok(subnet);

  const launchMs: number[] = [];
  const ids: string[] = [];
  for (let i = 0; i < hosts; i++) {
    const begun = performance.now();
    ids.push(...(await stack.runInstances(clients, { ...place, subnets: [subnet] })));
    await eventually("the container instance", async () => {
      const all = await stack.containerInstances(clients);
      return all.filter((one) => one.agentConnected).length === i + 1 || undefined;
    });
    launchMs.push(performance.now() - begun);
  }
  const memory = ids.map(memoryOf);
  const perHost = memory.reduce((sum, one) => sum + one, 0) / memory.length;
  assert.ok(perHost > 0);

  const define = async (networkMode: NetworkMode) => {
    const { taskDefinition } = await clients.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: networkMode,
        networkMode,
        containerDefinitions: [
          {
            name: "one",
            image: DEMO_IMAGE,
            memory: 32,
            stopTimeout: 2,
            portMappings: [{ containerPort: 8080 }],
          },
        ],
      }),
    );
    return taskDefinition?.taskDefinitionArn ?? "";
  };
  const taskOf = async (arn: string) =>
    (await clients.ecs.send(new DescribeTasksCommand({ cluster: stack.NAME, tasks: [arn] }))).tasks?.[0];
  const start = async (taskDefinition: string, mode: NetworkMode) => {
    const begun = performance.now();
    const { tasks } = await clients.ecs.send(
      new RunTaskCommand({
        cluster: stack.NAME,
        taskDefinition,
        ...(mode === "awsvpc"
          ? { networkConfiguration: { awsvpcConfiguration: { subnets: [subnet.id] } } }
          : {}),
      }),
    );
    const arn = tasks?.[0]?.taskArn ?? "";
    for (;;) {
      const status = (await taskOf(arn))?.lastStatus;
      assert.notEqual(status, "STOPPED");
      if (status === "RUNNING") return { arn, took: performance.now() - begun };
      await new Promise((done) => setTimeout(done, 5));
    }
  };
  const stop = async (arn: string) => {
    await clients.ecs.send(new StopTaskCommand({ cluster: stack.NAME, task: arn }));
    await eventually(
      "the task stops",
      async () => (await taskOf(arn))?.lastStatus === "STOPPED" || undefined,
    );
  };
  const modes = ["bridge", "awsvpc"] as const;
  const definitions = { bridge: await define("bridge"), awsvpc: await define("awsvpc") };
  const started: Record<(typeof modes)[number], number[]> = { bridge: [], awsvpc: [] };
  for (let i = -1; i < runs; i++) {
    for (const mode of modes) {
      const { arn, took } = await start(definitions[mode], mode);
      // The first of each loads images.
      if (i >= 0) started[mode].push(took);
      await stop(arn);
    }
  }

  const socketOf = (instanceId: string) =>
    `unix://${hostLayout(sharedLayout(folder.hosts, "any"), instanceId).socket}`;
  const docker = async (instanceId: string, ...args: string[]) =>
    (await run("docker", ["-H", socketOf(instanceId), ...args])).stdout.trim();
  /** A task's end of the network, wherever placement put it. */
  const endOf = async (arn: string): Promise<End> => {
    const address = (await taskOf(arn))?.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address ?? "";
    for (const id of ids) {
      const filter = ["--filter", `label=com.amazonaws.ecs.task-arn=${arn}`];
      const [container] = (await docker(id, "ps", "-q", ...filter)).split("\n");
      if (container === undefined || container === "") continue;
      return { pid: Number(await docker(id, "inspect", "-f", "{{.State.Pid}}", container)), address };
    }
    throw new Error(`No engine has ${arn}.`);
  };
  const pair = [await start(definitions.awsvpc, "awsvpc"), await start(definitions.awsvpc, "awsvpc")];
  const [from, to] = [await endOf(pair[0]?.arn ?? ""), await endOf(pair[1]?.arn ?? "")];
  const awsvpc = await packets(from, to);
  for (const { arn } of pair) await stop(arn);

  const [first = ""] = ids;
  const plain: End[] = [];
  for (const name of ["bench-a", "bench-b"]) {
    await docker(first, "run", "-d", "--name", name, DEMO_IMAGE);
    const format = "{{.State.Pid}} {{.NetworkSettings.IPAddress}}";
    const [pid = "", address = ""] = (await docker(first, "inspect", "-f", format, name)).split(" ");
    plain.push({ pid: Number(pid), address });
  }
  const [a, b] = plain;
  assert.ok(a && b);
  const bridge = await packets(a, b);
  await docker(first, "rm", "-f", "bench-a", "bench-b");

  const p50 = (mode: (typeof modes)[number]) => percentiles(started[mode])["p50"] ?? 0;
  report("network", {
    runs,
    runTaskUntilRunningMs: { bridge: percentiles(started.bridge), awsvpc: percentiles(started.awsvpc) },
    awsvpcAddsMs: round(p50("awsvpc") - p50("bridge"), 0),
    hosts,
    launchUntilRegisteredMs: percentiles(launchMs),
    hostMemoryMiB: round(perHost, 1),
    hostsInMemoryOfMachine: Math.floor(totalmem() / 2 ** 20 / perHost),
    packets: { bytes: 64, seconds, awsvpc, bridge },
  });
} finally {
  await estiba.destroy();
}
