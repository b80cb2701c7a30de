// The agents of this server: their connections, what is sent to them and what they report. A connection belongs to one
// container instance; a newer one replaces it.
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Duplex } from "#acs/duplex.ts";
import { createServerSession, type ServerSession } from "#acs/server-session.ts";
import { serveTelemetry } from "#acs/server-telemetry-session.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { HealthStatus } from "#domain/ecs/task.ts";
import type { AgentIngest } from "#domain/ports/agent-ingest.ts";
import type { CredentialIssuer } from "#domain/ports/credential-issuer.ts";
import type { Store, Watch } from "#store/store.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import { createDispatch } from "./dispatch.ts";
import { createIngest } from "./ingest.ts";
import { createPresence } from "./presence.ts";

/** Codes of a websocket's end after which the stock agent comes back with a delay (agent protocol, "Timers"). */
const POLICY_VIOLATION = 1008;
const SERVICE_RESTART = 1012;

export interface FleetDependencies {
  readonly store: Store;
  readonly issuer: CredentialIssuer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long an agent may be away before its instance shows agentConnected false. */
  readonly graceMs: number;
  /** The control plane's base URL in a VPC, where a Fargate task is and its host is not. */
  readonly endpointFor?: (vpcId: string) => string;
}

export type Admission =
  | { readonly instance: ContainerInstanceRow }
  | { readonly refusal: "InactiveInstanceException" | "InvalidInstanceException" };

export interface Fleet {
  readonly ingest: AgentIngest;
  start(): Promise<void>;
  /** Whether an agent may open a channel for this container instance. */
  admit(query: AgentQuery): Admission;
  /** `endpoint`: the URL by which the host reaches this server. */
  acceptAcs(duplex: Duplex, query: AgentQuery, endpoint?: string): void;
  acceptTcs(duplex: Duplex, query: AgentQuery): void;
  /** Ends every connection; agents come back to the next server. */
  close(): Promise<void>;
}

const INACTIVE = "The container instance is inactive";

export function createFleet(dependencies: FleetDependencies): Fleet {
  const { store, clock, random, logger, graceMs } = dependencies;
  const ingest = createIngest({ store, clock, logger });
  const dispatch = createDispatch({ ...dependencies });
  const report = (error: unknown) => logger.error("An agent's report could not be stored", { error });
  const presence = createPresence({ store, clock, graceMs, onError: report });
  const sessions = new Map<string, ServerSession>();
  /** TCS connection → its container instance. */
  const telemetry = new Map<Duplex, string>();
  /** Rises over restarts too: an agent discards a manifest whose number it has seen. */
  let sequence = clock.now();
  const nextSequence = () => (sequence = Math.max(sequence + 1, clock.now()));

  let watch: Watch | undefined;

  const instanceOf = (arn: string): ContainerInstanceRow | undefined => {
    const key = keyOfEcsArn(arn);
    const row = key === undefined ? undefined : store.get(containerInstances, key);
    // By its own ARN only: sessions are kept by it, and another spelling would be a second agent of one instance.
    return row?.arn === arn ? row : undefined;
  };
  const isActive = (arn: string) => (instanceOf(arn)?.status ?? "INACTIVE") !== "INACTIVE";
  /** Credentials end with their instance; a connection that was opened with them must not outlive them. */
  const closeInactive = () => {
    for (const { row } of watch?.take() ?? []) {
      const { arn, status } = (row ?? {}) as Partial<ContainerInstanceRow>;
      if (arn === undefined || status !== "INACTIVE") continue;
      sessions.get(arn)?.close(POLICY_VIOLATION, INACTIVE);
      for (const [duplex, of] of telemetry) if (of === arn) duplex.close(POLICY_VIOLATION, INACTIVE);
    }
  };

  return {
    ingest,
    async start() {
      watch = store.snapshotAndWatch([containerInstances], { notify: closeInactive });
      dispatch.start();
      await presence.start();
    },

    admit({ containerInstanceArn }) {
      const instance = instanceOf(containerInstanceArn);
      if (instance === undefined) return { refusal: "InvalidInstanceException" };
      return instance.status === "INACTIVE" ? { refusal: "InactiveInstanceException" } : { instance };
    },

    acceptAcs(duplex, query, endpoint) {
      const arn = query.containerInstanceArn;
      const instance = instanceOf(arn);
      // The connection was opened after it was admitted: much may have happened since.
      if (instance === undefined || !isActive(arn)) return duplex.close(POLICY_VIOLATION, INACTIVE);
      // With a code after which agents wait: two that both are this instance must not drive each other out without end.
      sessions.get(arn)?.close(SERVICE_RESTART, "Replaced by a newer connection");
      const session = createServerSession({
        duplex,
        clusterArn: instance.clusterArn,
        containerInstanceArn: arn,
        clock,
        random,
        nextSequence,
        confirmStops(candidates) {
          const wanted = new Set(
            dispatch.manifestOf(arn).flatMap((t) => (t.desiredStatus === "RUNNING" ? [t.taskArn] : [])),
          );
          return candidates.filter((c) => !wanted.has(c.taskArn));
        },
        onBadFrame: (reason) =>
          logger.warn("An agent's frame made no sense", { containerInstanceArn: arn, reason }),
        onClose() {
          dispatch.detach(arn, session);
          if (sessions.get(arn) !== session) return;
          sessions.delete(arn);
          presence.lost(arn);
        },
      });
      sessions.set(arn, session);
      presence.connected(arn, versionInfoOf(query)).catch(report);
      dispatch.attach(arn, session, endpoint);
    },

    acceptTcs(duplex, query) {
      const arn = query.containerInstanceArn;
      if (!isActive(arn)) return duplex.close(POLICY_VIOLATION, INACTIVE);
      telemetry.set(duplex, arn);
      serveTelemetry(duplex, {
        // Kept nowhere yet: metrics wait for the store of series.
        metrics: () => {},
        health(message) {
          for (const task of message.tasks) {
            const containers: Record<string, HealthStatus> = {};
            for (const c of task.containers) containers[c.containerName] = c.healthStatus;
            ingest.taskHealth(arn, task.taskArn, containers).catch(report);
          }
        },
        instanceStatus(message) {
          const runtime = message.statuses.find((s) => s.type === "ContainerRuntime");
          if (runtime !== undefined) ingest.instanceHealth(arn, runtime.status).catch(report);
        },
        badFrame: (reason) =>
          logger.warn("An agent's telemetry made no sense", {
            containerInstanceArn: arn,
            reason: messageOf(reason),
          }),
        closed: () => void telemetry.delete(duplex),
      });
    },

    async close() {
      watch?.close();
      dispatch.close();
      const open = [...sessions.values()];
      sessions.clear();
      presence.close();
      for (const session of open) session.close(1001, "The server is closing");
      for (const duplex of telemetry.keys()) duplex.close(1001, "The server is closing");
    },
  };
}

function versionInfoOf({
  agentVersion,
  agentHash,
  dockerVersion,
}: AgentQuery): ContainerInstanceRow["versionInfo"] {
  return {
    ...(agentVersion === undefined ? {} : { agentVersion }),
    ...(agentHash === undefined ? {} : { agentHash }),
    ...(dockerVersion === undefined ? {} : { dockerVersion: `DockerVersion: ${dockerVersion}` }),
  };
}
