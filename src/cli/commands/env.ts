// `estiba env`: what AWS clients need in their environment. `estiba aws`: for CLIs that do not read the endpoint from it.
import { spawn, spawnSync } from "node:child_process";
import { connect, type Connection } from "../connection.ts";

/** The first AWS CLI versions that read AWS_ENDPOINT_URL (AWS CLI changelog). */
const READS_ENDPOINT = { 1: [1, 29, 0], 2: [2, 13, 0] } as const;

export function environmentFor(connection: Connection): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: connection.endpoint,
    AWS_ACCESS_KEY_ID: connection.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: connection.credentials.secretAccessKey,
    AWS_DEFAULT_REGION: connection.region,
    AWS_REGION: connection.region,
  };
}

/** Shell code for `eval "$(estiba env)"`; a word about an old AWS CLI goes to `warn`. */
export function printEnvironment(
  dataDirectory: string,
  print: (line: string) => void,
  warn: (line: string) => void,
): void {
  for (const [name, value] of Object.entries(environmentFor(connect(dataDirectory)))) {
    print(`export ${name}='${value}'`);
  }
  print("unset AWS_SESSION_TOKEN AWS_PROFILE");
  const version = installedCliVersion();
  if (version !== undefined && !readsEndpointVariable(version)) {
    warn(
      `Your AWS CLI is ${version}: it does not read AWS_ENDPOINT_URL and would talk to AWS itself. ` +
        'Use `estiba aws …` instead of `aws …`, or add --endpoint-url "$AWS_ENDPOINT_URL" to each command.',
    );
  }
}

/** Runs the AWS CLI against the server; resolves with its exit code. */
export async function runAwsCli(dataDirectory: string, args: readonly string[]): Promise<number> {
  const connection = connect(dataDirectory);
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    ...environmentFor(connection),
    AWS_PAGER: process.env["AWS_PAGER"] ?? "",
  };
  delete environment["AWS_SESSION_TOKEN"];
  delete environment["AWS_PROFILE"];
  const child = spawn("aws", ["--endpoint-url", connection.endpoint, ...args], {
    stdio: "inherit",
    env: environment,
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(
        new Error(`The AWS CLI could not be started (${error.message}). On Debian: apt-get install awscli`),
      ),
    );
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

export function readsEndpointVariable(version: string): boolean {
  const parts = version.split(".").map(Number);
  const needed = parts[0] === 1 ? READS_ENDPOINT[1] : READS_ENDPOINT[2];
  for (const [i, wanted] of needed.entries()) {
    const have = parts[i] ?? 0;
    if (have !== wanted) return have > wanted;
  }
  return true;
}

export function installedCliVersion(): string | undefined {
  const answer = spawnSync("aws", ["--version"], { encoding: "utf8" });
  return /aws-cli\/(\d+\.\d+\.\d+)/.exec(`${answer.stdout ?? ""}${answer.stderr ?? ""}`)?.[1];
}
