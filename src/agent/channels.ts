// The agent on its two channels: orders over ACS become events of tasks, telemetry goes out over TCS. Manifests settle what
// neither side may have heard (agent protocol, "Task manifest").
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { createClientSession, type AcsListener } from "#acs/client-session.ts";
import { createTelemetrySession } from "#acs/client-telemetry-session.ts";
import type { Duplex } from "#acs/duplex.ts";
import type { TaskIdentifier } from "#acs/messages.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";
import type { AgentConfig } from "./config.ts";
import { ACS_RECONNECT, keepConnected, TCS_RECONNECT } from "./connection.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { CredentialStore } from "./credentials.ts";
import type { Attachments } from "./network/attachments.ts";
import type { InstanceRecord, StateStore } from "./state-store.ts";
import type { HostTasks } from "./tasks.ts";
import type { Telemetry } from "./telemetry.ts";
import { isStopped } from "./task/state.ts";

export interface ChannelDependencies {
  readonly config: AgentConfig;
  readonly controlPlane: ControlPlane;
  readonly state: StateStore;
  readonly record: InstanceRecord;
  readonly tasks: HostTasks;
  readonly credentials: CredentialStore;
  readonly telemetry: Telemetry;
  /** None: this host is given no interfaces, and any that is announced times out. */
  readonly attachments?: Attachments;
  readonly version?: { readonly agent: string; readonly hash: string };
  readonly dockerVersion: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export function createChannels(dependencies: ChannelDependencies): { close(): void } {
  const { config, controlPlane, tasks, telemetry, clock, random, logger, signal, version } = dependencies;
  const open = new Set<Duplex>();
  let manifestNumber = dependencies.record.manifestNumber;
  /** Until the first connection of this process: then its credentials are gone with the former one. */
  let sendCredentials = true;
  let telemetryDuplex: Duplex | undefined;

  const query = (channel: AgentQuery["channel"]): AgentQuery => ({
    channel,
    containerInstanceArn: dependencies.record.containerInstanceArn,
    cluster: config.cluster,
    ...(version === undefined ? {} : { agentVersion: version.agent, agentHash: version.hash }),
    dockerVersion: dependencies.dockerVersion,
    sendCredentials: channel === "acs" && sendCredentials,
  });
  const badFrame = (channel: string) => (reason: string) =>
    logger.warn("A message made no sense", { channel, reason });

  const tracked = (duplex: Duplex, serve: (ended: (code: number) => void) => void): Promise<number> => {
    open.add(duplex);
    return new Promise<number>(serve).finally(() => open.delete(duplex));
  };
  const common = { clock, random, logger, signal };

  void keepConnected({
    ...common,
    name: "acs",
    policy: ACS_RECONNECT,
    open: () => controlPlane.open(query("acs")),
    serve(duplex) {
      sendCredentials = false;
      return tracked(duplex, (closed) => {
        const listener = { ...createListener(dependencies), badFrame: badFrame("acs"), closed };
        createClientSession({ duplex, clock, random, listener });
      });
    },
    onInactive: () => telemetryDuplex?.close(1000, "The container instance is inactive"),
  });
  void keepConnected({
    ...common,
    name: "tcs",
    policy: TCS_RECONNECT,
    open: () => controlPlane.open(query("tcs")),
    serve(duplex) {
      telemetryDuplex = duplex;
      return tracked(duplex, (ended) => {
        const closed = (code: number) => {
          telemetry.detach();
          ended(code);
        };
        const session = createTelemetrySession({ duplex, clock, random, badFrame: badFrame("tcs"), closed });
        telemetry.attach(session, dependencies.record.containerInstanceArn);
      });
    },
  });

  return {
    close() {
      telemetry.close();
      for (const duplex of open) duplex.close(1000, "The agent is closing");
    },
  };

  /** Payloads and manifests are numbered together: a manifest made before the newest payload is old news. */
  async function raiseManifestNumber(to: number): Promise<boolean> {
    if (!(to > manifestNumber)) return false;
    manifestNumber = to;
    await dependencies.state.saveInstance({ ...dependencies.record, manifestNumber });
    return true;
  }

  function createListener(d: ChannelDependencies): Omit<AcsListener, "badFrame" | "closed"> {
    return {
      async payload(message) {
        await raiseManifestNumber(message.seqNum);
        const accepted = await tasks.accept(message.tasks);
        if (!accepted)
          logger.warn("A payload holds tasks that cannot be run", { messageId: message.messageId });
        return accepted;
      },
      interfaces: (message) => d.attachments?.announced(message),
      credentials({ taskArn, roleCredentials }) {
        if (tasks.get(taskArn) === undefined) return false;
        d.credentials.put(taskArn, roleCredentials);
        return true;
      },
      async manifest(message) {
        if (!(await raiseManifestNumber(message.timeline))) return undefined;
        const wanted = new Set(
          message.tasks.flatMap((t) => (t.desiredStatus === "RUNNING" ? [t.taskArn] : [])),
        );
        return runningTasks(message.clusterArn).filter((t) => !wanted.has(t.taskArn));
      },
      stopVerified(stopTasks) {
        for (const { taskArn, desiredStatus } of stopTasks)
          if (desiredStatus === "STOPPED") tasks.stop(taskArn);
      },
      heartbeat() {
        telemetry
          .checkRuntime()
          .catch((error: unknown) =>
            logger.warn("The engine's state is not known", { reason: messageOf(error) }),
          );
      },
    };
  }

  function runningTasks(clusterArn: string): readonly TaskIdentifier[] {
    const found: TaskIdentifier[] = [];
    for (const { state } of tasks.all()) {
      if (state.desired === "STOPPED" || isStopped(state)) continue;
      found.push({
        taskArn: state.task.arn,
        taskClusterArn: state.task.taskClusterArn ?? clusterArn,
        desiredStatus: "STOPPED",
      });
    }
    return found;
  }
}
