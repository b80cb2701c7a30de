// Hosts made out of this machine: each a network namespace, a Docker Engine in it, a private root and our agent, sized by control
// groups. Every step is safe twice, so a launch or an end that was cut short is finished by calling it again.
import { mkdirSync, realpathSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import type { HostNetwork } from "#domain/ports/host-network.ts";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { ComputeProvider, HostSpec } from "../port.ts";
import { agentService, refusedExitCode } from "./agent.ts";
import { createCgroups, hierarchiesOf, type Cgroups } from "./cgroups.ts";
import { consoleBytes, newest, readConsole, writeConsole } from "./console-log.ts";
import {
  accepts,
  containerdService,
  removeContainerdNamespace,
  writeContainerdConfig,
} from "./containerd.ts";
import { engineAnswers, engineService, prepareEngine } from "./engine.ts";
import { hostLayout, isInstanceId, sharedLayout, type HostLayout } from "./layout.ts";
import { readMounts, unmountBelow } from "./mounts.ts";
import { exists, placeUserData, preparePrivateRoot, userDataDone } from "./private-root.ts";
import { noRootExitCode } from "./root-scripts.ts";
import { run } from "./run.ts";
import { createTurns } from "./turns.ts";
import { until } from "./until.ts";

export interface NetnsProviderOptions {
  /** Folder of the hosts; made when missing. Its path must leave room for socket names. */
  readonly directory: string;
  /** Folder of image archives (`docker save`), shown to agents read-only. */
  readonly imagesDirectory: string;
  readonly supervisor: Supervisor;
  readonly network: HostNetwork;
  readonly agent: {
    /** Path of the node program. */
    readonly node: string;
    /** Path of the agent's one-file bundle. */
    readonly bundle: string;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tells this Estiba from others on the machine: `[a-z0-9-]+`, the name of its control group. */
  readonly scope: string;
  readonly containerdPath?: string;
  readonly dockerdPath?: string;
}

export interface NetnsProvider extends ComputeProvider {
  /** Ends every host and the shared containerd: nothing of this provider is left on the machine but its empty folder. */
  removeEverything(): Promise<void>;
  /** The same, but the hosts' disks stay: each is then as a machine that was switched off, and `launch` switches it on. */
  stopEverything(): Promise<void>;
  /** Lets go: launches under way are given up, hosts go on. */
  close(): Promise<void>;
}

const containerdTimeoutMs = 30_000;
const engineTimeoutMs = 60_000;
const rootTimeoutMs = 30_000;
/** How long containers may take to end when their host does. */
const shutdownSeconds = 5;
/** Of the agent's output, how much a console shows. */
const agentLines = 200;

export function createNetnsProvider(options: NetnsProviderOptions): NetnsProvider {
  const { supervisor, network, clock, logger } = options;
  mkdirSync(options.directory, { recursive: true, mode: 0o711 });
  const shared = sharedLayout(realpathSync(options.directory), options.scope);
  const containerd = options.containerdPath ?? "/usr/bin/containerd";
  const dockerd = options.dockerdPath ?? "/usr/sbin/dockerd";
  const turns = createTurns();
  /** By instance: what gives up its launches, those in the queue too. A new one after each end. */
  const launches = new Map<string, AbortController>();
  const closing = new AbortController();
  let openedCgroups: Promise<Cgroups> | undefined;

  const cgroups = () =>
    (openedCgroups ??= readMounts().then((mounts) => createCgroups(hierarchiesOf(mounts), clock)));
  const lastWords = async (service: string) => (await supervisor.tail(service, 10)).join("\n");

  const ensureContainerd = (signal: AbortSignal | undefined) =>
    turns.inTurn("containerd", async () => {
      await (await cgroups()).create(shared.containerdCgroup);
      await supervisor.ensure(containerdService(shared, containerd, await writeContainerdConfig(shared)));
      await until(() => accepts(shared.containerdSocket), {
        clock,
        timeoutMs: containerdTimeoutMs,
        ...(signal === undefined ? {} : { signal }),
        late: async () => `containerd does not answer. ${await lastWords("containerd")}`,
      });
    });

  const rootStands = async (layout: HostLayout): Promise<true | undefined> => {
    if (await exists(layout.rootMarker)) return true;
    const state = await supervisor.state(layout.agentService);
    if (state?.terminalExitCode === noRootExitCode) throw new Error("the private root could not be made.");
    return undefined;
  };

  const launchNow = async (layout: HostLayout, spec: HostSpec, signal: AbortSignal) => {
    await mkdir(layout.folder, { recursive: true, mode: 0o711 });
    const began = clock.monotonic();
    const say = (line: string) => writeConsole(layout.console, clock, line);
    const step = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
      signal.throwIfAborted();
      try {
        return await act();
      } catch (error) {
        if (!signal.aborted) await say(`${what}: failed: ${messageOf(error)}`);
        throw error;
      }
    };
    const adopted = (await supervisor.state(layout.agentService))?.running === true;
    if (!adopted)
      await say(
        `launching ${spec.instanceId} (${spec.instanceType}, ${spec.vcpus} vCPU, ${spec.memoryMiB} MiB)`,
      );

    const attached = await step("network", () => network.attachHost({ ...spec }));
    const groups = await step("control groups", async () => {
      const made = await cgroups();
      for (const path of [layout.systemCgroup, layout.tasksCgroup]) await made.create(path);
      await made.limit(layout.cgroup, spec);
      return made;
    });
    await step("containerd", () => ensureContainerd(signal));
    await step("engine", async () => {
      await prepareEngine(layout, dockerd);
      await supervisor.ensure(engineService(shared, layout, attached, dockerd));
      await until(() => engineAnswers(layout.socket), {
        clock,
        signal,
        timeoutMs: engineTimeoutMs,
        late: async () => `the engine does not answer. ${await lastWords(layout.engineService)}`,
      });
    });
    if (!adopted) await say(`engine ready after ${Math.round(clock.monotonic() - began)} ms`);
    await step("agent", async () => {
      await preparePrivateRoot(layout, spec, attached, {
        ...options.agent,
        imagesDirectory: options.imagesDirectory,
        hierarchies: groups.used,
      });
      const refusal = await placeUserData(layout, spec.userData);
      if (refusal !== undefined) await say(refusal);
      const ended = (await supervisor.state(layout.agentService))?.terminalExitCode;
      if (ended === noRootExitCode) await supervisor.remove(layout.agentService);
      if (!adopted && ended !== refusedExitCode) await rm(layout.rootMarker, { force: true });
      await supervisor.ensure(await agentService(layout, spec, attached));
      await until(() => rootStands(layout), {
        clock,
        signal,
        timeoutMs: rootTimeoutMs,
        late: async () => `the private root was not made. ${await lastWords(layout.agentService)}`,
      });
      await until(async () => ((await userDataDone(layout)) ? true : undefined), {
        clock,
        signal,
        late: () => "",
      });
    });
    if (!adopted) await say(`agent started after ${Math.round(clock.monotonic() - began)} ms`);
    logger.info("host launched", {
      instanceId: spec.instanceId,
      adopted,
      ms: Math.round(clock.monotonic() - began),
    });
  };

  /** As a machine's shutdown does: its containers hear SIGTERM before all ends. */
  const stopContainers = async (layout: HostLayout) => {
    const docker = ["docker", "--host", `unix://${layout.socket}`] as const;
    const ids = (await run([...docker, "ps", "--quiet"])).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await run([...docker, "stop", "--time", String(shutdownSeconds), ...ids]);
  };

  const switchOff = async (layout: HostLayout) => {
    const groups = await cgroups();
    await supervisor.remove(layout.agentService);
    if ((await supervisor.state(layout.engineService))?.running === true)
      await stopContainers(layout).catch((error: unknown) =>
        logger.warn("containers could not be stopped in order", {
          instanceId: layout.id,
          reason: messageOf(error),
        }),
      );
    await supervisor.remove(layout.engineService);
    await groups.kill(layout.cgroup);
    if (await exists(shared.containerd)) {
      await ensureContainerd(undefined);
      for (const namespace of layout.containerdNamespaces) await removeContainerdNamespace(shared, namespace);
    }
    await unmountBelow(layout.folder);
    await groups.remove(layout.cgroup);
    await network.detachHost(layout.id);
  };

  const end = async (instanceId: string, disks: "keep" | "remove") => {
    const layout = hostLayout(shared, instanceId);
    launches.get(instanceId)?.abort(new Error(`${instanceId} is being ended.`));
    launches.delete(instanceId);
    await turns.inTurn(instanceId, async () => {
      await switchOff(layout);
      if (disks === "remove") await rm(layout.folder, { recursive: true, force: true });
      logger.info("host ended", { instanceId, disks });
    });
  };
  const endAll = async (disks: "keep" | "remove") => {
    await Promise.all((await list()).map((instanceId) => end(instanceId, disks)));
    await turns.inTurn("containerd", async () => {
      const groups = await cgroups();
      await supervisor.remove("containerd");
      await groups.kill(shared.cgroup);
      await unmountBelow(shared.containerd);
      await groups.remove(shared.cgroup);
      await groups.removeIfEmpty("/estiba");
      await rm(shared.containerd, { recursive: true, force: true });
    });
  };
  const list = async () => {
    const folders = (await readdir(shared.hosts)).filter(isInstanceId);
    return [...new Set([...folders, ...(await network.listHosts())])].sort();
  };

  return {
    async launch(spec) {
      const layout = hostLayout(shared, spec.instanceId);
      const abort = launches.get(spec.instanceId) ?? new AbortController();
      launches.set(spec.instanceId, abort);
      const signal = AbortSignal.any([abort.signal, closing.signal]);
      await turns.inTurn(spec.instanceId, () => launchNow(layout, spec, signal));
    },
    terminate: (instanceId) => end(instanceId, "remove"),
    list,
    attachInterface: (attachment) => network.attachInterface(attachment),
    detachInterface: (attachment) => network.detachInterface(attachment),
    async consoleOutput(instanceId) {
      const layout = hostLayout(shared, instanceId);
      const setUp = await readConsole(layout.console);
      if (setUp === "") return "";
      const words = await supervisor.tail(layout.agentService, agentLines);
      return newest(setUp + words.map((line) => `agent: ${line}\n`).join(""), consoleBytes);
    },
    removeEverything: () => endAll("remove"),
    stopEverything: () => endAll("keep"),
    async close() {
      closing.abort(new Error("The control plane ends; the host goes on as far as it is."));
      await turns.idle();
    },
  };
}
