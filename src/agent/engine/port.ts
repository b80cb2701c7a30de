// The port to a container engine, as the agent needs it. Docker fills it (docker/), a simulated one serves tests and scale
// (sim/). Containers are found again by their labels, so an agent that died can go on with them.
import type { Readable } from "node:stream";

/** What a container is created from: Docker Engine API's `Config` and `HostConfig` as JSON objects, already merged. */
export interface ContainerSpec {
  /** Docker's container name. */
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly hostConfig: Readonly<Record<string, unknown>>;
}

export interface PublishedPort {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: "tcp" | "udp";
  readonly hostIp: string;
}

export interface ContainerState {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: "created" | "running" | "exited";
  /** Present once it exited. */
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** The engine's own word about a failed start; empty when none. */
  readonly error: string;
  /** Epoch milliseconds. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly createdAt?: number;
  /** Absent when the container has no health check. */
  readonly health?: "starting" | "healthy" | "unhealthy";
  /** The newest probe of the health check. */
  readonly probe?: { readonly exitCode: number; readonly output: string };
  /** Where its output goes. */
  readonly log?: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  readonly ports: readonly PublishedPort[];
  /** IPv4 addresses on the engine's own networks; absent or empty while stopped and in the host's or another's network. */
  readonly addresses?: readonly string[];
  /** `sha256:…` of the image. */
  readonly imageId: string;
  /** Of its first process, as the engine counts processes; while it runs on a real engine only. */
  readonly pid?: number;
}

export interface ContainerStats {
  /** Nanoseconds of CPU time since the container's start. */
  readonly cpuNanoseconds: number;
  readonly memoryBytes: number;
}

/** `GET /containers/{id}/stats` of the Docker Engine API, as it came. */
export type StatsDocument = Readonly<Record<string, unknown>>;

export interface EngineInfo {
  /** The engine's version, for instance `20.10.24`. */
  readonly version: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly logDrivers: readonly string[];
  /** Names by which a container asks for what starts it; absent: the engine's usual one only. */
  readonly runtimes?: readonly string[];
}

/** What an engine refuses with; `kind` tells what the agent reports (`CannotPullContainerError` …). */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly kind: "not-found" | "conflict" | "image-missing" | "refused" | "unreachable";

  constructor(kind: EngineError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Engine {
  /** @throws EngineError `unreachable` */
  info(): Promise<EngineInfo>;
  /** Whether the image is there; `imageId` is `sha256:…`. */
  findImage(reference: string): Promise<{ readonly imageId: string } | undefined>;
  /**
   * Makes the image available from where this engine may take it. `labels` are those of the container it is for: they steer
   * the simulated engine, others need not look. @throws EngineError `image-missing`
   */
  pullImage(
    reference: string,
    labels?: Readonly<Record<string, string>>,
  ): Promise<{ readonly imageId: string }>;
  /** Takes the images of an archive of `docker save`. @throws EngineError `refused` */
  loadImage(archive: Readable): Promise<void>;
  /** Answers the container's id. @throws EngineError `image-missing`, `conflict` (the name is taken), `refused` */
  create(spec: ContainerSpec): Promise<string>;
  /** No error when it runs already. @throws EngineError `not-found`, `refused` (port taken, bad command …) */
  start(id: string): Promise<void>;
  /** The image's stop signal, then SIGKILL after the timeout. Resolves when it has ended; no error when it had. */
  stop(id: string, timeoutSeconds: number): Promise<void>;
  inspect(id: string): Promise<ContainerState | undefined>;
  /** Containers, ended ones too, that carry the label with this value (or any value). */
  list(label: string, value?: string): Promise<readonly ContainerState[]>;
  /** Removes the container with its anonymous volumes, by force. No error when it is gone. */
  remove(id: string): Promise<void>;
  stats(id: string): Promise<ContainerStats | undefined>;
  /** Two of the engine's own statistics documents, taken a moment apart; undefined for a container that does not run. */
  sampleStats(id: string): Promise<readonly [StatsDocument, StatsDocument] | undefined>;
  createVolume(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  removeVolume(name: string): Promise<void>;
  /**
   * Calls `changed` with a container's id whenever it starts, ends, or its health changes; `lost` when the stream broke, after
   * which nothing comes until it is opened again (the caller lists anew, then).
   */
  watch(changed: (id: string) => void, lost: (reason: string) => void): Promise<{ close(): void }>;
}
