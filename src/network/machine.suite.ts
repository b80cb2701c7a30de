// For the real tests: programs inside namespaces, and a picture of everything that the network may leave on a machine.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { promisify } from "node:util";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import type { GroupMember, SecurityGroups } from "./group-rules.ts";
import { hostInterface } from "./names.ts";
import { runCommand, type Run } from "./run.ts";

export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a program in a namespace; undefined is the test's own. Never throws. */
export async function inside(namespace: string | undefined, ...command: string[]): Promise<Outcome> {
  const [program = "", ...args] = [...enter(namespace), ...command];
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { timeout: 20_000 });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    return { ok: false, output: `${String(error)}\n${(error as { stdout?: string }).stdout ?? ""}` };
  }
}

/** Its output; fails the test when it fails. */
export async function must(namespace: string | undefined, ...command: string[]): Promise<string> {
  const outcome = await inside(namespace, ...command);
  if (!outcome.ok) throw new Error(outcome.output);
  return outcome.output;
}

export interface Background {
  readonly lines: string[];
  stop(): Promise<void>;
}

/** A program that goes on until `stop`; ready when it has printed a line, or at once. */
export async function background(
  namespace: string | undefined,
  command: readonly string[],
  readyWhenPrinted = false,
): Promise<Background> {
  const [program = "", ...args] = [...enter(namespace), ...command];
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines: string[] = [];
  const printed = new Promise<void>((resolve) =>
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.trimEnd().split("\n"));
      resolve();
    }),
  );
  if (readyWhenPrinted) await Promise.race([printed, ended]);
  return {
    lines,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Asks again until the condition holds; the last outcome when it never did. */
export async function eventually(attempt: () => Promise<boolean>, milliseconds = 10_000): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end;) {
    if (await attempt()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return attempt();
}

/** A web server that answers `GET /` with one word. */
export const webServer = (namespace: string, address: string, word: string): Promise<Background> =>
  background(
    namespace,
    [
      process.execPath,
      "-e",
      `require("http").createServer((q, s) => s.end("${word} " + q.socket.remoteAddress)).listen(80, "${address}", () => console.log("ready"))`,
    ],
    true,
  );

export const get = (namespace: string | undefined, url: string, ...more: string[]): Promise<Outcome> =>
  inside(namespace, "curl", "-s", "--noproxy", "*", "--max-time", "2", ...more, url);

export const lookUp = (namespace: string, name: string, server: string): Promise<Outcome> =>
  inside(namespace, "busybox", "nslookup", "-type=a", name, server);

/** Everything that the network makes, of whoever, as text to compare. */
export async function picture(namespace?: string): Promise<string> {
  const parts = [
    ...(namespace === undefined ? [["ip", "netns", "list"]] : []),
    ["ip", "-br", "link"],
    ["ip", "-4", "route", "show", "table", "all"],
    ["ip", "rule"],
    ["nft", "list", "ruleset"],
    ["sh", "-c", "cat /proc/sys/net/ipv4/conf/*/forwarding"],
  ];
  const outputs = [];
  for (const command of parts) outputs.push(await must(namespace, ...command));
  // Counters of rules run on.
  return outputs.join("\n").replace(/packets \d+ bytes \d+/g, "");
}

/** As if the namespace were the machine's root namespace. */
export const runIn =
  (namespace: string): Run =>
  (command, args) =>
    runCommand("nsenter", [`--net=/run/netns/${namespace}`, command, ...args]);

export const supervisorIn = (namespace: string, inner: Supervisor): Supervisor => ({
  ...inner,
  ensure: (spec) => inner.ensure({ networkNamespace: namespace, ...spec }),
});

const enter = (namespace: string | undefined): string[] =>
  namespace === undefined ? [] : ["nsenter", `--net=/run/netns/${namespace}`];

/** As what no security group keeps apart: everybody named may reach and be reached by everybody. */
export const open = (...who: readonly (string | Parameters<typeof memberOf>[0])[]): SecurityGroups => {
  const rules = [{ protocol: "all", peer: { cidr: "0.0.0.0/0" } }] as const;
  const id = "sg-00000000";
  return {
    groups: [{ id, ingress: rules, egress: rules }],
    members: who.map((one) => (typeof one === "string" ? { address: one, groups: [id] } : memberOf(one, id))),
  };
};

/** A host as a member of groups. */
export const memberOf = (
  host: { readonly instanceId: string; readonly privateIp: string },
  ...groups: readonly string[]
): GroupMember => ({ address: host.privateIp, interface: hostInterface(host.instanceId), groups });
