// The agents' websocket upgrades: found by path, signed like an API call, admitted for their own container instance only.
import type { IncomingMessage } from "node:http";
import type { Duplex as Stream } from "node:stream";
import type { Logger } from "#lib/logger.ts";
import { clusterArn, ecsResourceOf } from "#domain/ecs/arns.ts";
import { readAgentQuery, refusalBody } from "#acs/upgrade-query.ts";
import { createWebsocketAcceptor } from "#acs/websocket-duplex.ts";
import type { Runtime } from "./runtime.ts";

export function createUpgrades(parts: {
  readonly runtime: () => Runtime | undefined;
  readonly logger: Logger;
}): (req: IncomingMessage, socket: Stream, head: Buffer) => void {
  const accept = createWebsocketAcceptor();

  const upgrade = async (req: IncomingMessage, socket: Stream, head: Buffer) => {
    const runtime = parts.runtime();
    const query = readAgentQuery(req.url ?? "");
    if (runtime === undefined)
      return refuse(socket, 503, refusalBody("ServerException", "The server is not ready."));
    if (query === undefined)
      return refuse(socket, 404, refusalBody("BadRequestException", "No channel is served here."));
    const action = query.channel === "acs" ? "ecs:Poll" : "ecs:StartTelemetrySession";
    const caller = await runtime.gateway.authenticateUpgrade(req, {
      action,
      resource: query.containerInstanceArn,
      context: { "ecs:cluster": clusterOf(query.containerInstanceArn) },
    });
    if ("refusal" in caller) {
      return refuse(
        socket,
        caller.refusal.statusCode,
        refusalBody("AccessDeniedException", caller.refusal.message),
      );
    }
    const admission = runtime.fleet.admit(query);
    if ("refusal" in admission)
      return refuse(socket, 400, refusalBody(admission.refusal, "The container instance is not active."));
    const { principal, region } = caller;
    // A region's API knows that region's instances only.
    if (region !== admission.instance.region)
      return refuse(
        socket,
        400,
        refusalBody("InvalidInstanceException", `The container instance is not in ${region}.`),
      );
    // Beyond policy: the channel brings credentials of other tasks, so no task opens it, and an instance its own only.
    const isOther =
      principal.type === "instance" && principal.instanceId !== admission.instance.ec2InstanceId;
    if (isOther || principal.type === "task") {
      parts.logger.warn("An instance asked for another's channel", { principal: principal.arn, ...query });
      return refuse(
        socket,
        403,
        refusalBody("AccessDeniedException", "The container instance is another's."),
      );
    }
    accept(req, socket, head, (duplex) => {
      const now = parts.runtime();
      if (now === undefined) return duplex.close(1001, "The server is closing");
      if (query.channel === "acs") now.fleet.acceptAcs(duplex, query, caller.endpoint);
      else now.fleet.acceptTcs(duplex, query);
    });
  };

  return (req, socket, head) => {
    socket.on("error", () => socket.destroy());
    upgrade(req, socket, head).catch((error: unknown) => {
      parts.logger.error("An upgrade failed", { error });
      socket.destroy();
    });
  };
}

/** The cluster's ARN, by what the container instance's says. */
function clusterOf(containerInstanceArn: string): string | undefined {
  const named = ecsResourceOf(containerInstanceArn);
  return named === undefined ? undefined : clusterArn(named.region, named.account, named.parts[1] ?? "");
}

function refuse(socket: Stream, status: number, body: string): void {
  const head = [
    `HTTP/1.1 ${status} Refused`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  // A peer that never closes its side must not keep the socket: node's time limits no longer hold for it.
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
