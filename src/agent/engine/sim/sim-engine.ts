// A simulated container engine: containers live by the labels of their task definition (docs/simulation.md), on the given clock.
// It outlives its agent, as Docker does. Images exist by being named.
import { createHash } from "node:crypto";
import { sleep, type Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { EngineError, type ContainerSpec, type ContainerState, type Engine } from "../port.ts";
import { createSimContainer, labelsOf, type SimContainer } from "./container.ts";
import { BadSimulationLabel, simulatedLife, type SimulatedLife } from "./labels.ts";

export interface SimEngineOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface SimEngine extends Engine {
  /** While unreachable every call fails, and watchers are told that their stream broke; containers live on. */
  setReachable(reachable: boolean): void;
  readonly size: number;
}

/** A name that no registry can have: pulling it fails, as the reserved domain says. */
const MISSING = /^[^/]+\.invalid\//;

export function createSimEngine({ clock, random, cpus, memoryBytes }: SimEngineOptions): SimEngine {
  const containers = new Map<string, SimContainer>();
  const volumes = new Set<string>();
  const images = new Set<string>();
  const watchers = new Set<{
    readonly changed: (id: string) => void;
    readonly lost: (reason: string) => void;
  }>();
  let reachable = true;

  const changed = (id: string) => {
    for (const watcher of watchers) watcher.changed(id);
  };
  const reach = () => {
    if (!reachable) throw new EngineError("unreachable", "The simulated engine does not answer.");
  };
  const wait = async (ms: number) => {
    if (ms > 0) await sleep(clock, ms);
  };
  const existing = (id: string): SimContainer => {
    const container = containers.get(id);
    if (container === undefined) throw new EngineError("not-found", `No such container: ${id}`);
    return container;
  };
  const inUse = (container: SimContainer): number | undefined => {
    for (const other of containers.values()) {
      if (other === container) continue;
      for (const port of other.state().ports)
        if (container.wantedPorts.some((p) => p.hostPort === port.hostPort && p.protocol === port.protocol))
          return port.hostPort;
    }
    return undefined;
  };

  return {
    get size() {
      return containers.size;
    },
    setReachable(next) {
      reachable = next;
      if (next) return;
      const lost = [...watchers];
      watchers.clear();
      for (const watcher of lost) watcher.lost("The simulated engine is away.");
    },
    async info() {
      reach();
      return { version: "0.0.0-sim", cpus, memoryBytes, logDrivers: ["json-file", "local", "awslogs"] };
    },
    async findImage(reference) {
      reach();
      return images.has(reference) ? { imageId: imageIdOf(reference) } : undefined;
    },
    async pullImage(reference, labels = {}) {
      reach();
      const life = lifeOf(labels);
      await wait(life.pullMs);
      reach();
      const failure = MISSING.test(reference) ? `no such image: ${reference}` : life.pullFails;
      if (failure !== undefined) throw new EngineError("image-missing", failure);
      images.add(reference);
      return { imageId: imageIdOf(reference) };
    },
    /** Images exist by being named: an archive brings no further ones. */
    async loadImage() {
      reach();
    },
    async create(spec: ContainerSpec) {
      reach();
      const reference = String(spec.config["Image"]);
      if (!images.has(reference)) throw new EngineError("image-missing", `No such image: ${reference}`);
      for (const other of containers.values())
        if (other.spec.name === spec.name)
          throw new EngineError("conflict", `The container name "${spec.name}" is in use by ${other.id}.`);
      const failure = lifeOf(labelsOf(spec)).createFails;
      if (failure !== undefined) throw new EngineError("refused", failure);
      const id = random.hex(64);
      containers.set(
        id,
        createSimContainer(id, spec, { clock, cpus, changed, imageId: imageIdOf(reference) }),
      );
      return id;
    },
    async start(id) {
      reach();
      const container = existing(id);
      await wait(container.life.startMs);
      reach();
      if (container.state().status === "running") return;
      if (container.life.startFails !== undefined)
        throw new EngineError("refused", container.life.startFails);
      const port = inUse(container);
      if (port !== undefined)
        throw new EngineError("refused", `Bind for 0.0.0.0:${port} failed: port is already allocated`);
      container.run();
    },
    async stop(id, timeoutSeconds) {
      reach();
      await existing(id).stop(timeoutSeconds * 1000);
      reach();
    },
    async inspect(id) {
      reach();
      return containers.get(id)?.state();
    },
    async list(label, value) {
      reach();
      const found: ContainerState[] = [];
      for (const container of containers.values()) {
        const own = labelsOf(container.spec)[label];
        if (own !== undefined && (value === undefined || own === value)) found.push(container.state());
      }
      return found;
    },
    async remove(id) {
      reach();
      const container = containers.get(id);
      containers.delete(id);
      container?.discard();
    },
    async stats(id) {
      reach();
      return containers.get(id)?.stats();
    },
    async sampleStats(id) {
      reach();
      const stats = containers.get(id)?.stats();
      if (stats === undefined) return undefined;
      const document = {
        id,
        read: new Date(clock.now()).toISOString(),
        cpu_stats: { cpu_usage: { total_usage: stats.cpuNanoseconds } },
        memory_stats: { usage: stats.memoryBytes },
      };
      return [document, document];
    },
    async createVolume(name) {
      reach();
      volumes.add(name);
    },
    async removeVolume(name) {
      reach();
      volumes.delete(name);
    },
    async watch(onChanged, onLost) {
      reach();
      const watcher = { changed: onChanged, lost: onLost };
      watchers.add(watcher);
      return { close: () => void watchers.delete(watcher) };
    },
  };
}

function lifeOf(labels: Readonly<Record<string, string>>): SimulatedLife {
  try {
    return simulatedLife(labels);
  } catch (error) {
    if (error instanceof BadSimulationLabel) throw new EngineError("refused", error.message);
    throw error;
  }
}

const imageIdOf = (reference: string): string =>
  `sha256:${createHash("sha256").update(reference).digest("hex")}`;
