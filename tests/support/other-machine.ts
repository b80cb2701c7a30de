// Another machine, as far as a test can have one: a network namespace with a veth to this machine, in which programs run with data
// folders of their own. Cutting its network is taking the link down.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { engineAnswers } from "#compute/netns/engine.ts";
import { eventually } from "./estiba.ts";

const exec = promisify(execFile);
const program = resolve("bin/estiba.js");

export interface OtherMachine {
  readonly dataDirectory: string;
  /** Of this machine, as the other one reaches it; and of the other one. */
  readonly here: string;
  readonly there: string;
  /** Runs the command line on the machine; answers what it printed. */
  command(...args: string[]): Promise<string>;
  setLink(up: boolean): Promise<void>;
  /** A Docker Engine of the machine's own. Answers its socket. */
  startEngine(): Promise<string>;
  destroy(): Promise<void>;
}

/** @param name at most eight letters; @param subnet third octet of 192.168.… */
export async function makeMachine(name: string, subnet: number): Promise<OtherMachine> {
  const [here, there] = [`192.168.${subnet}.1`, `192.168.${subnet}.2`];
  const dataDirectory = mkdtempSync(join(tmpdir(), `est-${name}-`));
  let engine: ChildProcess | undefined;
  const sh = (script: string) => exec("sh", ["-ec", script]);
  await sh(`
ip netns add ${name}
ip link add ${name} type veth peer name eth0 netns ${name}
ip addr add ${here}/24 dev ${name}
ip link set ${name} up
ip -n ${name} addr add ${there}/24 dev eth0
ip -n ${name} link set lo up
ip -n ${name} link set eth0 up
ip -n ${name} route add default via ${here}`);
  const inside = (...command: string[]) =>
    exec("nsenter", [`--net=/run/netns/${name}`, ...command], { maxBuffer: 16 * 1024 * 1024 });

  return {
    dataDirectory,
    here,
    there,
    command: async (...args) =>
      (await inside(process.execPath, program, "--data", dataDirectory, ...args)).stdout,
    setLink: async (up) => void (await sh(`ip link set ${name} ${up ? "up" : "down"}`)),
    async startEngine() {
      const folder = join(dataDirectory, "engine");
      const socket = join(folder, "docker.sock");
      mkdirSync(folder, { recursive: true });
      const config = join(folder, "daemon.json");
      writeFileSync(config, JSON.stringify({ "deprecated-key-path": join(folder, "key.json") }));
      engine = spawn(
        "nsenter",
        [
          ...[`--net=/run/netns/${name}`, "dockerd", "--config-file", config, "--host", `unix://${socket}`],
          ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "run")],
          ...["--pidfile", join(folder, "docker.pid"), "--exec-opt", "native.cgroupdriver=cgroupfs"],
          ...["--log-level", "error"],
        ],
        { stdio: "ignore" },
      );
      await eventually("the machine's engine answers", () => engineAnswers(socket));
      return socket;
    },
    async destroy() {
      // Also after a test that failed: what the machine runs is supervised and would outlive it.
      if (existsSync(join(dataDirectory, "machine.json")))
        await inside(process.execPath, program, "--data", dataDirectory, "agent", "--leave");
      if (engine !== undefined && engine.exitCode === null) {
        const ended = new Promise((done) => engine?.once("exit", done));
        engine.kill("SIGTERM");
        await ended;
      }
      await sh(`ip netns del ${name} 2>/dev/null || true; ip link del ${name} 2>/dev/null || true`);
      await sh(
        `for at in $(sed -n 's#^[^ ]* \\(${dataDirectory}/[^ ]*\\) .*#\\1#p' /proc/mounts); do umount -l $at 2>/dev/null || true; done`,
      );
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
