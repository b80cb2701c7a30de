// A Supervisor for tests: starts programs in their own session, starts them again when they end. Dies with the test process.
import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import type { ServiceSpec, ServiceState, Supervisor } from "#domain/ports/supervisor.ts";

interface Service {
  spec: ServiceSpec;
  child: ChildProcess | undefined;
  terminalExitCode: number | undefined;
  removed: boolean;
  readonly lines: string[];
}

export interface DirectSupervisor extends Supervisor {
  /** Stops everything that this supervisor started. */
  close(): Promise<void>;
}

const restartDelayMs = 200;

/** Enters the group in each hierarchy that has it, then becomes the program given as its arguments. */
function joinCgroup(cgroup: string): string {
  return `for group in /sys/fs/cgroup${cgroup} /sys/fs/cgroup/*${cgroup}; do
  [ ! -e "$group/cgroup.procs" ] || echo $$ > "$group/cgroup.procs" || exit 1
done; exec "$0" "$@"`;
}

export function createDirectSupervisor(): DirectSupervisor {
  const services = new Map<string, Service>();

  const run = (service: Service) => {
    const { spec } = service;
    // Not `ip netns exec`: it mounts another /sys, where an engine finds no control groups.
    const command = [
      ...(spec.cgroup === undefined ? [] : ["/bin/sh", "-c", joinCgroup(spec.cgroup)]),
      ...(spec.networkNamespace === undefined
        ? []
        : ["nsenter", `--net=/run/netns/${spec.networkNamespace}`]),
      ...spec.command,
    ];
    for (const file of spec.pidFiles ?? []) rmSync(file, { force: true });
    const child = spawn(command[0] ?? "", command.slice(1), {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], ...spec.environment },
      ...(spec.workingDirectory === undefined ? {} : { cwd: spec.workingDirectory }),
    });
    service.child = child;
    for (const stream of [child.stdout, child.stderr])
      stream
        ?.setEncoding("utf8")
        .on("data", (text: string) => service.lines.push(...text.trimEnd().split("\n")));
    child.on("error", (error) => service.lines.push(error.message));
    child.on("exit", (code) => {
      service.child = undefined;
      if (code !== null && spec.terminalExitCodes?.includes(code)) service.terminalExitCode = code;
      else setTimeout(() => service.removed || service.child !== undefined || run(service), restartDelayMs);
    });
  };
  const stateOf = (service: Service): ServiceState => ({
    name: service.spec.name,
    running: service.child !== undefined,
    ...(service.child?.pid === undefined ? {} : { pid: service.child.pid }),
    ...(service.terminalExitCode === undefined ? {} : { terminalExitCode: service.terminalExitCode }),
  });
  const stop = async (service: Service) => {
    service.removed = true;
    const child = service.child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), (service.spec.stopTimeoutSeconds ?? 5) * 1000);
    await ended;
    clearTimeout(timer);
  };

  const supervisor: DirectSupervisor = {
    async ensure(spec) {
      const known = services.get(spec.name);
      if (known !== undefined && JSON.stringify(known.spec) === JSON.stringify(spec)) return stateOf(known);
      if (known !== undefined) await stop(known);
      const service: Service = {
        spec,
        child: undefined,
        terminalExitCode: undefined,
        removed: false,
        lines: [],
      };
      services.set(spec.name, service);
      run(service);
      return stateOf(service);
    },
    async state(name) {
      const service = services.get(name);
      return service && stateOf(service);
    },
    async remove(name) {
      const service = services.get(name);
      if (service === undefined) return;
      await stop(service);
      services.delete(name);
    },
    async signal(name, signal) {
      services.get(name)?.child?.kill(signal);
    },
    list: async () => [...services.keys()],
    tail: async (name, lines) => services.get(name)?.lines.slice(-lines) ?? [],
    async close() {
      for (const name of [...services.keys()]) await supervisor.remove(name);
    },
  };
  return supervisor;
}
