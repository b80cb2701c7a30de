// The agent's engine port over the Docker Engine API. Each call is one request or a few; nothing is kept but what was loaded.
// Refusals carry Docker's own words. When to call what is the agent's.
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import {
  EngineError,
  type ContainerSpec,
  type ContainerState,
  type ContainerStats,
  type Engine,
  type EngineInfo,
  type StatsDocument,
} from "../port.ts";
import { compareVersions } from "./api-version.ts";
import { DockerClient, DockerRefusal, type DockerRequest } from "./client.ts";
import {
  toContainerState,
  toContainerStats,
  type DockerContainer,
  type DockerStats,
} from "./container-state.ts";
import { watchContainers } from "./events.ts";
import { loadArchive } from "./load-archive.ts";
import { ImageFolder } from "./images.ts";
import { normaliseReference } from "./reference.ts";

/** The waits of ECS's agent: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html */
const CREATE_TIMEOUT_MS = 4 * 60_000;
const START_TIMEOUT_MS = 3 * 60_000;
/** Past the container's own stop timeout, for the engine's SIGKILL and its clean-up. */
const STOP_MARGIN_MS = 2 * 60_000;
const REMOVE_TIMEOUT_MS = 2 * 60_000;
/** `list` inspects this many containers at once. */
const INSPECTIONS = 8;

export interface DockerEngineOptions {
  readonly socketPath: string;
  /** Folder of image archives; without one, images are those that the engine has. */
  readonly imagesFolder?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class DockerEngine implements Engine {
  readonly #client: DockerClient;
  readonly #images: ImageFolder | undefined;
  readonly #logger: Logger;
  /** Pulls under way by full reference, so that ten tasks of one image load it once. */
  readonly #pulling = new Map<string, Promise<{ readonly imageId: string }>>();
  /** What this engine made of an archive, by reference: engines may name an image by more than its configuration. */
  readonly #loaded = new Map<string, { readonly version: string; readonly imageId: string }>();

  constructor(options: DockerEngineOptions) {
    this.#client = new DockerClient(options);
    this.#logger = options.logger;
    this.#images =
      options.imagesFolder === undefined ? undefined : new ImageFolder(options.imagesFolder, options.logger);
  }

  /** Closes idle connections. A watch is closed by its own handle. */
  close(): void {
    this.#client.close();
  }

  async info(): Promise<EngineInfo> {
    const info = await this.#json<{
      readonly ServerVersion?: string;
      readonly NCPU?: number;
      readonly MemTotal?: number;
      readonly Runtimes?: Readonly<Record<string, unknown>> | null;
      readonly Plugins?: { readonly Log?: readonly string[] | null };
    }>({ method: "GET", path: "/info" });
    return {
      version: info.ServerVersion ?? "",
      cpus: info.NCPU ?? 0,
      memoryBytes: info.MemTotal ?? 0,
      logDrivers: info.Plugins?.Log ?? [],
      runtimes: Object.keys(info.Runtimes ?? {}),
    };
  }

  async findImage(reference: string): Promise<{ readonly imageId: string } | undefined> {
    wellFormed(reference);
    const path = `/images/${reference.split("/").map(encodeURIComponent).join("/")}/json`;
    const image = await absentAsUndefined(this.#json<{ readonly Id: string }>({ method: "GET", path }));
    return image === undefined ? undefined : { imageId: image.Id };
  }

  /** From the image folder; what the engine has already when no archive holds the reference. */
  pullImage(reference: string): Promise<{ readonly imageId: string }> {
    const full = normaliseReference(reference) ?? reference;
    const underWay = this.#pulling.get(full);
    if (underWay !== undefined) return underWay;
    const pull = this.#pull(reference).finally(() => this.#pulling.delete(full));
    this.#pulling.set(full, pull);
    return pull;
  }

  loadImage(archive: Readable): Promise<void> {
    return loadArchive(this.#client, archive);
  }

  async create(spec: ContainerSpec): Promise<string> {
    const request: DockerRequest = {
      method: "POST",
      path: "/containers/create",
      query: { name: spec.name },
      json: { ...spec.config, HostConfig: spec.hostConfig },
      timeoutMs: CREATE_TIMEOUT_MS,
    };
    try {
      const created = await this.#json<{ readonly Id: string; readonly Warnings?: readonly string[] | null }>(
        request,
      );
      for (const warning of created.Warnings ?? [])
        this.#logger.warn("Docker does not honour a setting.", { container: spec.name, warning });
      return created.Id;
    } catch (error) {
      if (!(error instanceof DockerRefusal) || error.status !== 404) throw error;
      // 404 is any missing part: only a look tells whether it is the image.
      const image = spec.config["Image"];
      const missing = typeof image === "string" && (await this.findImage(image)) === undefined;
      throw new EngineError(missing ? "image-missing" : "refused", error.message);
    }
  }

  async start(id: string): Promise<void> {
    const path = `${containerPath(id)}/start`;
    try {
      await this.#client.send({ method: "POST", path, timeoutMs: START_TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof DockerRefusal) || error.status === 400) throw error;
      // 404 and 409 may be about something that the container needs, a network or another container.
      const isGone = error.status === 404 && (await this.inspect(id)) === undefined;
      throw new EngineError(isGone ? "not-found" : "refused", error.message);
    }
  }

  async stop(id: string, timeoutSeconds: number): Promise<void> {
    const seconds = Math.max(0, Math.ceil(timeoutSeconds));
    await this.#client.send({
      method: "POST",
      path: `${containerPath(id)}/stop`,
      query: { t: String(seconds) },
      timeoutMs: seconds * 1000 + STOP_MARGIN_MS,
    });
  }

  async inspect(id: string): Promise<ContainerState | undefined> {
    const found = await absentAsUndefined(
      this.#json<DockerContainer>({ method: "GET", path: `${containerPath(id)}/json` }),
    );
    return found === undefined ? undefined : toContainerState(found);
  }

  async list(label: string, value?: string): Promise<readonly ContainerState[]> {
    const found = await this.#json<readonly { readonly Id: string }[]>({
      method: "GET",
      path: "/containers/json",
      query: {
        all: "1",
        filters: JSON.stringify({ label: [value === undefined ? label : `${label}=${value}`] }),
      },
    });
    const states: ContainerState[] = [];
    for (let at = 0; at < found.length; at += INSPECTIONS) {
      const part = await Promise.all(found.slice(at, at + INSPECTIONS).map(({ Id }) => this.inspect(Id)));
      states.push(...part.filter((state) => state !== undefined));
    }
    return states;
  }

  async remove(id: string): Promise<void> {
    try {
      await this.#client.send({
        method: "DELETE",
        path: containerPath(id),
        query: { v: "1", force: "1" },
        timeoutMs: REMOVE_TIMEOUT_MS,
      });
    } catch (error) {
      if (!(error instanceof DockerRefusal) || (error.status !== 404 && error.status !== 409)) throw error;
      // 409: another removal is under way. Its end is ours.
      if (error.status === 409) await this.#removed(id);
    }
  }

  async stats(id: string): Promise<ContainerStats | undefined> {
    const stats = await this.#readStats(id, true);
    return stats === undefined ? undefined : toContainerStats(stats);
  }

  async sampleStats(id: string): Promise<readonly [StatsDocument, StatsDocument] | undefined> {
    const first = await this.#readStats(id, true);
    if (first === undefined || toContainerStats(first) === undefined) return undefined;
    const second = await this.#readStats(id, false);
    return second === undefined ? undefined : [first, second];
  }

  async createVolume(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.#client.send({
      method: "POST",
      path: "/volumes/create",
      json: { Name: name, Labels: labels },
    });
  }

  async removeVolume(name: string): Promise<void> {
    const path = `/volumes/${encodeURIComponent(name)}`;
    await absentAsUndefined(this.#client.send({ method: "DELETE", path }));
  }

  watch(changed: (id: string) => void, lost: (reason: string) => void): Promise<{ close(): void }> {
    return watchContainers(this.#client, changed, lost);
  }

  async #json<T>(request: DockerRequest): Promise<T> {
    return (await this.#client.send(request)).body as T;
  }

  /** In one shot it is quick; otherwise the engine takes two samples, a second apart, and gives the first's CPU times too. */
  async #readStats(id: string, inOneShot: boolean): Promise<(StatsDocument & DockerStats) | undefined> {
    const oneShot = inOneShot && compareVersions(await this.#client.version(), "1.41") >= 0;
    return absentAsUndefined(
      this.#json<StatsDocument & DockerStats>({
        method: "GET",
        path: `${containerPath(id)}/stats`,
        query: { stream: "0", ...(oneShot ? { "one-shot": "1" } : {}) },
      }),
    );
  }

  async #removed(id: string): Promise<void> {
    await absentAsUndefined(
      this.#client.send({
        method: "POST",
        path: `${containerPath(id)}/wait`,
        query: { condition: "removed" },
        timeoutMs: REMOVE_TIMEOUT_MS,
      }),
    );
  }

  async #pull(reference: string): Promise<{ readonly imageId: string }> {
    const full = wellFormed(reference);
    const archive = await this.#images?.find(full);
    const present = await this.findImage(reference);
    if (archive === undefined) {
      if (present !== undefined) return present;
      throw new EngineError(
        "image-missing",
        `image ${reference} is not here: images come from the instance's own engine or from \`estiba image load\`; registries are not pulled from`,
      );
    }
    const loaded = this.#loaded.get(full);
    const isLoaded =
      present !== undefined &&
      (present.imageId === archive.configDigest ||
        (loaded?.version === archive.version && loaded.imageId === present.imageId));
    if (isLoaded) return present;
    await loadArchive(this.#client, createReadStream(archive.path));
    const image = await this.findImage(reference);
    if (image === undefined)
      throw new EngineError(
        "image-missing",
        `the archive ${archive.path} did not hold ${reference} after all`,
      );
    this.#loaded.set(full, { version: archive.version, imageId: image.imageId });
    return image;
  }
}

/** The full form. @throws EngineError `refused`: the reference becomes part of a path, so nothing malformed may pass */
function wellFormed(reference: string): string {
  const full = normaliseReference(reference);
  if (full === undefined)
    throw new EngineError("refused", `invalid reference format: ${JSON.stringify(reference.slice(0, 128))}`);
  return full;
}

function containerPath(id: string): string {
  return `/containers/${encodeURIComponent(id)}`;
}

async function absentAsUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.kind === "not-found") return undefined;
    throw error;
  }
}
