// `estiba doctor`: what this machine has, what is missing, and what to do about it. `up` asks the same for its refusal.
import { existsSync, readFileSync } from "node:fs";
import { readConfig, type ServerConfig } from "#server/config.ts";
import { findings, type Requirement } from "../doctor/checks.ts";
import { findProgram, gvisor, programs, versionOf } from "../doctor/programs.ts";
import { installedCliVersion, readsEndpointVariable } from "./env.ts";

/** What real hosts need and this machine lacks. */
export async function missingRequirements(config: ServerConfig): Promise<readonly Requirement[]> {
  return (await findings(config)).filter((finding) => !finding.met);
}

/** Explains every item. Resolves with the exit code: 0 when real hosts can run. */
export async function doctor(dataDirectory: string, print: (line: string) => void): Promise<number> {
  const config = readConfig({ dataDirectory }, process.env);
  const all = await findings(config);
  const versions = await installedVersions();
  print(
    `machine  ${systemName()}, kernel ${readLine("/proc/sys/kernel/osrelease")}, Node.js ${process.versions.node}`,
  );
  print(`data     ${dataDirectory}`);
  for (const finding of all) {
    const version = versions.get(finding.name);
    print(
      `${finding.met ? "ok      " : "MISSING "} ${finding.name}${version === undefined ? "" : ` ${version}`}: ${finding.explanation}`,
    );
    if (!finding.met) print(`          → ${finding.remedy}`);
  }
  printRuntime(config, versions.get(gvisor.command), print);
  printAwsCli(print);
  const missing = all.filter((finding) => !finding.met).length;
  print(
    missing === 0
      ? "This machine can run real hosts: estiba up"
      : `${missing} missing for real hosts. Simulated ones need none of it: estiba up --engine sim`,
  );
  return missing === 0 ? 0 : 1;
}

async function installedVersions(): Promise<ReadonlyMap<string, string>> {
  const seen = await Promise.all(
    [...programs, gvisor].map(async ({ command, version }) => {
      const file = version && findProgram(command);
      return [command, file && (await versionOf(file, version))] as const;
    }),
  );
  return new Map(seen.flatMap(([command, version]) => (version ? [[command, version] as const] : [])));
}

/** Which runtime new Fargate tasks get, and whether there is another. */
function printRuntime(
  { fargateRuntime }: ServerConfig,
  runsc: string | undefined,
  print: (line: string) => void,
) {
  const other =
    runsc === undefined ? "runsc (gVisor) is not installed" : `runsc (gVisor) ${runsc} is installed`;
  print(`note     Fargate tasks run with ${fargateRuntime} unless up is told otherwise; ${other}`);
}

/** No requirement: any AWS client will do. An old CLI would talk to AWS itself. */
function printAwsCli(print: (line: string) => void): void {
  const version = installedCliVersion();
  if (version === undefined) return print("note     no AWS CLI is installed: any AWS client will do");
  if (readsEndpointVariable(version)) return print(`ok       AWS CLI ${version} reads AWS_ENDPOINT_URL`);
  print(`note     AWS CLI ${version} does not read AWS_ENDPOINT_URL (2.13 is the first that does):`);
  print("          → use `estiba aws …` instead of `aws …`");
}

function systemName(): string {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? "an unknown system";
}

const readLine = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").trim() : "unknown");
