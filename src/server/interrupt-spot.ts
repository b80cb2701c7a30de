// Interrupts a Spot Instance: what AWS does by itself, or for AWS FIS under the permission ec2:SendSpotInstanceInterruptions, which
// is asked for here too. Only the notice is written; the instance controller carries out the rest (docs/decisions/0004).
import type { IncomingMessage, ServerResponse } from "node:http";
import { formatArn } from "#lib/arn.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import { interruptSpot } from "#domain/ec2/spot.ts";
import { instances } from "#store/tables/ec2.ts";
import { sendJson } from "./http.ts";
import { createTaskInterruption, type SpotInterruptionParts } from "./interrupt-task.ts";

/** A second call changes nothing and answers as the first. */
export function createSpotInterruption(parts: SpotInterruptionParts) {
  const { runtime, store, clock, config, logger } = parts;
  const interruptTaskOf = createTaskInterruption(parts);
  return async (req: IncomingMessage, res: ServerResponse, instanceId: string): Promise<void> => {
    req.resume();
    if (!instanceId.startsWith("i-")) return interruptTaskOf(req, res, instanceId);
    const refuse = (status: number, code: string, message: string) =>
      sendJson(res, status, { __type: code, message });
    const named = store.find(instances, "id", instanceId)[0]?.[1];
    // A host of Fargate's pool is nobody's to know.
    const found = named?.fargate === undefined ? named : undefined;
    const resource = formatArn({
      service: "ec2",
      region: found?.region ?? "",
      account: config.account,
      resource: `instance/${instanceId}`,
    });
    const action = "ec2:SendSpotInstanceInterruptions";
    const caller = await runtime()?.gateway.authenticateUpgrade(req, { action, resource });
    if (caller === undefined)
      return refuse(503, "ServiceUnavailableException", "The server is not ready yet.");
    if ("refusal" in caller) {
      const { statusCode, code, message } = caller.refusal;
      return refuse(statusCode, code, message);
    }
    if (found === undefined)
      return refuse(404, "InvalidInstanceID.NotFound", `The instance ID '${instanceId}' does not exist`);
    const row = await store.transact((tx) => {
      const key = ec2Key(found.region, instanceId);
      const before = tx.get(instances, key) ?? found;
      const after = interruptSpot(before, config.spotNoticeMs, clock.now());
      if (after !== before) tx.put(instances, key, after);
      return after;
    });
    const why = refusalOf(row);
    if (why !== undefined) return refuse(400, ...why);
    const time = new Date(row.spot?.interruption?.at ?? 0).toISOString();
    logger.info("a Spot Instance is interrupted", { instanceId, time, by: caller.principal.arn });
    sendJson(res, 200, { instanceId, action: "terminate", time });
  };
}

function refusalOf({ id, state, spot }: InstanceRow): [code: string, message: string] | undefined {
  if (spot === undefined) return ["InvalidParameterValue", `The instance '${id}' is not a Spot Instance.`];
  // One that already goes for its interruption is answered as before.
  if (spot.interruption === undefined)
    return [
      "IncorrectInstanceState",
      `The instance '${id}' is not in a state from which it can be interrupted: it is ${state}.`,
    ];
  return undefined;
}
