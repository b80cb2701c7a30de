// Becoming a container instance, or again the one this host was (agent protocol, "RegisterContainerInstance").
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Attribute } from "./capabilities.ts";
import type { AgentConfig } from "./config.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";
import type { HostCapacity } from "./admission.ts";
import type { IdentityDocument } from "./imds-client.ts";

/** The agent ends: 5 must not be started again, 1 may. */
export class AgentExit extends Error {
  override readonly name = "AgentExit";
  readonly exitCode: 1 | 5;

  constructor(exitCode: 1 | 5, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface Registration {
  readonly controlPlane: Pick<ControlPlane, "call">;
  readonly config: AgentConfig;
  readonly capacity: HostCapacity;
  readonly attributes: readonly Attribute[];
  readonly identity: IdentityDocument | undefined;
  /** The ARN of an earlier registration. */
  readonly containerInstanceArn: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const RETRY = { initialMs: 3_000, maximumMs: 192_000, factor: 2, jitter: 0.2 };
const RETRIED = new Set(["ThrottlingException", "ServerException", "LimitExceededException"]);
const TERMINAL = new Set(["InvalidParameterException", "ClientException"]);
const RETRIED_FOR_MS = 60 * 60 * 1000;

/**
 * The container instance's ARN. A control plane that cannot be reached is waited for without end: what runs here goes on
 * meanwhile. @throws AgentExit
 */
export async function registerInstance(registration: Registration): Promise<string> {
  const { clock, random, logger, signal } = registration;
  const clientToken = random.uuid();
  const since = clock.monotonic();
  for (let attempt = 0; ; attempt++) {
    try {
      return await registerOnce(registration, clientToken);
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof AgentExit) throw error;
      const code = error instanceof CallFailed ? error.code : "";
      const text = `${code}: ${messageOf(error)}`;
      if (TERMINAL.has(code) || text.includes("Container instance type changes are not supported."))
        throw new AgentExit(5, `The control plane refuses this container instance: ${text}`);
      const patience = code === "Unreachable" ? Infinity : RETRIED.has(code) ? RETRIED_FOR_MS : 0;
      if (clock.monotonic() - since >= patience)
        throw new AgentExit(1, `The container instance could not be registered: ${text}`);
      const waitMs = backoffDelay(RETRY, attempt, random);
      logger.warn("The container instance could not be registered yet", { reason: text, waitMs });
      await sleep(clock, waitMs, signal);
    }
  }
}

async function registerOnce(registration: Registration, clientToken: string): Promise<string> {
  const { controlPlane, config, capacity, identity, containerInstanceArn } = registration;
  const own = Object.entries(config.attributes).map(([name, value]) => ({ name, value }));
  // Custom attributes are given once; later ones are PutAttributes' matter.
  const attributes = [...(containerInstanceArn === undefined ? own : []), ...registration.attributes];
  const tags = Object.entries(config.tags).map(([key, value]) => ({ key, value }));
  const register = () =>
    controlPlane.call("RegisterContainerInstance", {
      cluster: config.cluster,
      clientToken,
      instanceIdentityDocument: identity?.document ?? "",
      instanceIdentityDocumentSignature: identity?.signature ?? "",
      totalResources: [
        { name: "CPU", type: "INTEGER", integerValue: capacity.cpu },
        { name: "MEMORY", type: "INTEGER", integerValue: capacity.memoryMiB },
        { name: "PORTS", type: "STRINGSET", stringSetValue: capacity.reservedTcpPorts.map(String) },
        { name: "PORTS_UDP", type: "STRINGSET", stringSetValue: capacity.reservedUdpPorts.map(String) },
      ],
      attributes,
      ...(tags.length === 0 ? {} : { tags }),
      ...(containerInstanceArn === undefined ? {} : { containerInstanceArn }),
    });
  const answer = await register().catch(async (error: unknown) => {
    const missing = error instanceof CallFailed && error.code === "ClusterNotFoundException";
    if (!missing || !config.clusterIsDefault) throw error;
    await controlPlane.call("CreateCluster", { clusterName: config.cluster });
    return register();
  });
  const instance = (answer["containerInstance"] ?? {}) as {
    readonly containerInstanceArn?: string;
    readonly attributes?: readonly Attribute[];
  };
  if (instance.containerInstanceArn === undefined)
    throw new AgentExit(1, "The control plane's answer names no container instance.");
  const echoed = new Map((instance.attributes ?? []).map((a) => [a.name, a.value]));
  const lost = attributes.find((a) => a.value !== undefined && echoed.get(a.name) !== a.value);
  if (lost !== undefined)
    throw new AgentExit(5, `Attribute validation failed: ${lost.name} was not registered as it is.`);
  return instance.containerInstanceArn;
}
