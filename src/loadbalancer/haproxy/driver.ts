// Drives one HAProxy by the port's contract. What runs is always read from HAProxy itself, so the control plane may die
// at any moment and another driver goes on. Who stands where is decided in worker-plan.ts and verdict.ts.
import { createHash } from "node:crypto";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import { sleep, type Clock, type Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import {
  StructureRefused,
  type LoadBalancerDriver,
  type ProxyEvent,
  type ProxyStructure,
  type ProxyTarget,
} from "../port.ts";
import { configName, createProxyFiles } from "./files.ts";
import { createMembership } from "./membership.ts";
import { renderConfig, weightsFile } from "./render.ts";
import { createHaproxyRuntime, type ProxyProcesses, type ServerStat } from "./runtime.ts";
import { weightMap, weightMapText } from "./weights.ts";
import { overdueInOldWorker, planWorker } from "./worker-plan.ts";

export interface HaproxyDriverOptions {
  /** The driver's own folder, absolute; made with mode 0700. Its path must leave room for socket names (108 bytes). */
  readonly directory: string;
  readonly supervisor: Supervisor;
  readonly networkNamespace?: string;
  /** The supervised service's name, for instance `haproxy-vpc-1`. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly haproxyPath?: string;
}

const busyLookMs = 200;
const calmLookMs = 1000;
const startMs = 15_000;
const noStructure: ProxyStructure = { loadBalancers: [], targetGroups: [] };

export function createHaproxyDriver(options: HaproxyDriverOptions): LoadBalancerDriver {
  const { clock, logger, directory } = options;
  const haproxy = options.haproxyPath ?? "/usr/sbin/haproxy";
  const files = createProxyFiles(directory, haproxy);
  const runtime = createHaproxyRuntime(files.masterSocket, clock);
  const membership = createMembership();
  const paths = { directory };
  const serial = createSerial();
  let listener: (event: ProxyEvent) => void = () => undefined;
  let running: ProxyStructure | undefined;
  let wanted: { structure: ProxyStructure; done: Promise<void> } | undefined;
  let lastMaster = 0;
  let timer: Timer | undefined;
  let closed = false;

  const render = (structure: ProxyStructure, fingerprint: string, withServers: boolean) =>
    renderConfig({
      structure,
      fingerprint,
      paths,
      servers: withServers ? membership.placed() : new Map(),
      dropPrivileges: process.getuid?.() === 0,
    });
  const fingerprintOf = (structure: ProxyStructure) =>
    createHash("sha256")
      .update(render(structure, "0", false))
      .digest("hex")
      .slice(0, 32);

  /** What a restart by the supervisor would read: the same structure, today's targets and their state. */
  const save = async (structure: ProxyStructure, pid: number | undefined) => {
    const state = pid === undefined ? "1\n" : (await runtime.worker(pid, ["show servers state"])).trimStart();
    await files.write("servers.state", state);
    await files.write("weights.map", weightMapText(weightMap(structure)));
    await files.write(configName, render(structure, fingerprintOf(structure), true));
  };

  const statsOf = async (processes: ProxyProcesses): Promise<Map<number, readonly ServerStat[]>> => {
    const all = new Map<number, readonly ServerStat[]>();
    for (const pid of [...(processes.current === undefined ? [] : [processes.current]), ...processes.old])
      all.set(pid, await runtime.servers(pid));
    return all;
  };

  /** Reads every worker, tells what changed, makes every worker as the members are. */
  const look = async (): Promise<void> => {
    const processes = await runtime.processes();
    if (processes.current === undefined || running === undefined) return;
    const stats = await statsOf(processes);
    const current = stats.get(processes.current) ?? [];
    const restarted = lastMaster !== 0 && processes.masterPid !== lastMaster;
    lastMaster = processes.masterPid;
    if (restarted) {
      logger.warn("the proxy was started anew by its supervisor", { name: options.name });
      membership.forgetUnservable(current);
    }
    const events = [...membership.observe(current), ...membership.idle([...stats.values()])];
    let changed = events.some((event) => event.type !== "idle") || restarted;
    const plan = planWorker(current, membership.groups());
    if (plan.length > 0) {
      logAnswers(await runtime.worker(processes.current, plan), processes.current);
      changed = true;
    }
    for (const pid of processes.old) {
      const overdue = overdueInOldWorker(stats.get(pid) ?? [], membership.groups());
      if (overdue.length > 0) await runtime.endSessions(pid, overdue);
    }
    if (changed) await save(running, processes.current);
    for (const event of events) listener(event);
  };

  const logAnswers = (answers: string, pid: number) => {
    const unexpected = answers
      .split("\n")
      .filter(
        (line) => line !== "" && !/registered|deleted|still has|in maintenance|has connection/i.test(line),
      );
    if (unexpected.length > 0)
      logger.debug("answers of the proxy", { pid, answers: unexpected.slice(0, 10) });
  };

  const schedule = () => {
    if (closed) return;
    timer?.cancel();
    timer = clock.after(membership.restless() ? busyLookMs : calmLookMs, () => void tick());
  };
  const tick = async () => {
    try {
      await serial(look);
    } catch (error) {
      logger.warn("the proxy cannot be read", { name: options.name, error: messageOf(error) });
    }
    schedule();
  };

  const waitFor = async <T>(attempt: () => Promise<T | undefined>, what: string): Promise<T> => {
    const end = clock.monotonic() + startMs;
    for (;;) {
      const result = await attempt().catch(() => undefined);
      if (result !== undefined) return result;
      if (clock.monotonic() > end)
        throw new Error(`${what}: ${(await options.supervisor.tail(options.name, 5)).join(" ")}`);
      await sleep(clock, 25);
    }
  };
  const currentWorker = async () => {
    const processes = await runtime.processes();
    return processes.current === undefined ? undefined : { ...processes, current: processes.current };
  };

  const spec = {
    name: options.name,
    command: [haproxy, "-W", "-S", `${files.masterSocket},mode,600`, "-f", files.configPath] as const,
    environment: {},
    stopTimeoutSeconds: 5,
    ...(options.networkNamespace === undefined ? {} : { networkNamespace: options.networkNamespace }),
  };

  const start = async () => {
    await files.prepare();
    const state = await options.supervisor.state(options.name);
    if (state?.running !== true && (await currentWorker().catch(() => undefined)) === undefined)
      await save(noStructure, undefined);
    await options.supervisor.ensure(spec);
    const processes = await waitFor(currentWorker, "the proxy did not start");
    lastMaster = processes.masterPid;
    membership.adopt(await runtime.servers(processes.current));
  };

  const setWeights = async (structure: ProxyStructure, processes: ProxyProcesses) => {
    const commands = [...weightMap(structure)].map(
      ([key, value]) => `set map ${weightsFile(paths)} ${key} ${value}`,
    );
    if (commands.length === 0) return;
    for (const pid of [...(processes.current === undefined ? [] : [processes.current]), ...processes.old])
      await runtime.worker(pid, commands);
  };

  const reload = async (structure: ProxyStructure, fingerprint: string, before: number) => {
    const [oldConfig, oldWeights] = [await files.read(configName), await files.read("weights.map")];
    await save(structure, before);
    await runtime.reload();
    try {
      await waitFor(async () => {
        const worker = await currentWorker();
        if (worker === undefined || worker.current === before) return undefined;
        return (await runtime.fingerprint(worker.current)) === fingerprint ? worker : undefined;
      }, "the reloaded proxy did not come up");
    } catch (error) {
      await files.write(configName, oldConfig);
      await files.write("weights.map", oldWeights);
      await runtime.reload().catch(() => undefined);
      throw new StructureRefused(messageOf(error));
    }
  };

  const apply = async (structure: ProxyStructure) => {
    const fingerprint = fingerprintOf(structure);
    const processes = await waitFor(currentWorker, "the proxy does not answer");
    if ((await runtime.fingerprint(processes.current)) === fingerprint) {
      running = structure;
      membership.setGroups(structure.targetGroups);
      await setWeights(structure, processes);
    } else {
      const previous = running?.targetGroups;
      try {
        await files.check(render(structure, fingerprint, false));
        membership.setGroups(structure.targetGroups);
        await reload(structure, fingerprint, processes.current);
      } catch (error) {
        if (previous !== undefined) membership.setGroups(previous);
        throw error;
      }
      running = structure;
    }
    await look();
    await save(structure, (await currentWorker())?.current);
  };

  return {
    async start(heard) {
      listener = heard;
      await serial(start);
      schedule();
    },
    applyStructure(structure) {
      if (wanted !== undefined) {
        wanted.structure = structure;
        return wanted.done;
      }
      const mine = { structure, done: Promise.resolve() };
      mine.done = serial(async () => {
        wanted = undefined;
        await apply(mine.structure);
      });
      wanted = mine;
      return mine.done;
    },
    applyTargets: (targetGroupId: string, targets: readonly ProxyTarget[]) =>
      serial(async () => {
        membership.setTargets(targetGroupId, targets);
        await look();
        schedule();
      }),
    async close() {
      closed = true;
      timer?.cancel();
      await serial(async () => undefined);
      timer?.cancel();
    },
  };
}

/** One operation at a time, in the order asked. */
function createSerial() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };
}
