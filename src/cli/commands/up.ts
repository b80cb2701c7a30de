// `estiba up`: the server in this terminal, or in the background under the supervisor that also keeps everything else running.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createLogger } from "#lib/logger.ts";
import { systemClock } from "#lib/clock.ts";
import type { ServerConfig } from "#server/config.ts";
import { BadConfiguration } from "#server/config.ts";
import { startServer } from "#server/server.ts";
import { upstreamText } from "#gateway/upstream/setting.ts";
import { createSupervisor } from "#server/supervisor.ts";
import { AlreadyRunning, stateFolder } from "#server/state-folder.ts";
import { readRunFile } from "../connection.ts";
import { missingRequirements } from "./doctor.ts";

/** Name of the server among the supervised services. */
export const SERVER_SERVICE = "server";

export async function up(
  config: ServerConfig,
  detach: boolean,
  print: (line: string) => void,
): Promise<void> {
  const missing = config.engine === "docker" ? await missingRequirements(config) : [];
  if (missing.length > 0) {
    throw new BadConfiguration(
      [
        "This machine cannot run real hosts yet:",
        ...missing.map((m) => `  ${m.name}: ${m.explanation} ${m.remedy}`),
        "`estiba doctor` explains each item; `estiba up --engine sim` needs none of it.",
      ].join("\n"),
    );
  }
  await (detach ? upInBackground(config, print) : upHere(config, print));
}

async function upHere(config: ServerConfig, print: (line: string) => void): Promise<void> {
  const server = await startServer(config, process.env, createLogger(config.logLevel));
  print(`estiba is up: ${server.endpoint} (region ${config.region}, account ${config.account})`);
  if (config.engine === "sim") print("Hosts and containers are simulated: nothing really runs.");
  print('In another terminal: eval "$(estiba env)"');
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await server.close();
  if (config.engine === "docker")
    print("The control plane has stopped. Containers and load balancers go on; `estiba down` stops them.");
}

async function upInBackground(config: ServerConfig, print: (line: string) => void): Promise<void> {
  const running = readRunFile(config.dataDirectory);
  if (running !== undefined)
    throw new AlreadyRunning(`A server is running already (pid ${running.pid}, ${running.endpoint}).`);
  // The bundle that runs now, not the checkout's launcher: a restart must not depend on a build.
  const entry = fileURLToPath(import.meta.url);
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o711 });
  const supervisor = createSupervisor(stateFolder(config.dataDirectory), systemClock);
  await supervisor.remove(SERVER_SERVICE);
  await supervisor.ensure({
    name: SERVER_SERVICE,
    command: [process.execPath, entry, "--data", config.dataDirectory, "up", ...flagsOf(config)],
    environment: serverEnvironment(process.env),
    stopTimeoutSeconds: 20,
  });
  const deadline = performance.now() + 60_000;
  for (;;) {
    const run = readRunFile(config.dataDirectory);
    if (run !== undefined && (await isHealthy(run.endpoint))) {
      print(`estiba is up: ${run.endpoint} (pid ${run.pid})`);
      return;
    }
    if (performance.now() > deadline) {
      const lines = await supervisor.tail(SERVER_SERVICE, 10);
      await supervisor.remove(SERVER_SERVICE);
      throw new Error(`The server did not come up within a minute. It said last:\n${lines.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function flagsOf(config: ServerConfig): readonly string[] {
  return [
    ...[
      "--engine",
      config.engine,
      "--host",
      config.host,
      "--port",
      String(config.port),
      "--region",
      config.region,
    ],
    ...["--vpc-cidr", config.defaultVpcCidr, "--log-level", config.logLevel],
    ...["--fargate-runtime", config.fargateRuntime],
    ...(config.joinAddress === undefined ? [] : ["--join-address", config.joinAddress]),
    ...(config.replaceTasksAfter === undefined
      ? []
      : ["--replace-tasks-after", `${Math.round(config.replaceTasksAfter / 1000)}s`]),
    ...config.upstream.flatMap((setting) => ["--upstream", upstreamText(setting)]),
    ...(config.allowReset ? ["--allow-reset"] : []),
  ];
}

const KEPT_VARIABLES = ["PATH", "HOME", "TZ", "LANG", "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"];

/** What the server may read from the environment, and PATH. */
function serverEnvironment(from: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(from).filter(
    ([name]) => name.startsWith("ESTIBA_") || KEPT_VARIABLES.includes(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""]));
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
