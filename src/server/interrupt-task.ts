// Interrupts a task on FARGATE_SPOT: what AWS does by itself when it wants the capacity back. Asked for under ecs:StopTask on the
// task. Its targets leave their load balancers in the transaction that stops it (docs/decisions/0009).
import type { IncomingMessage, ServerResponse } from "node:http";
import { formatArn } from "#lib/arn.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { ecsResourceOf } from "#domain/ecs/arns.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { interruptTask } from "#domain/ecs/task-transitions.ts";
import { drainTarget } from "#domain/elbv2/target.ts";
import type { Reader, Store, Transaction } from "#store/store.ts";
import { tasks } from "#store/tables/ecs.ts";
import { targetGroups, targets } from "#store/tables/elbv2.ts";
import type { ServerConfig } from "./config.ts";
import { sendJson } from "./http.ts";
import type { Runtime } from "./runtime.ts";

export interface SpotInterruptionParts {
  readonly runtime: () => Runtime | undefined;
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Pick<ServerConfig, "account" | "spotNoticeMs">;
  readonly logger: Logger;
}

/** A second call changes nothing and answers as the first. `given`: the task's id or ARN, as it stands in the path. */
export function createTaskInterruption({ runtime, store, clock, config, logger }: SpotInterruptionParts) {
  return async (req: IncomingMessage, res: ServerResponse, given: string): Promise<void> => {
    const refuse = (status: number, code: string, message: string) =>
      sendJson(res, status, { __type: code, message });
    const found = taskOf(store, decoded(given));
    const { account } = config;
    const unknown = formatArn({ service: "ecs", region: "", account, resource: "task/*" });
    const caller = await runtime()?.gateway.authenticateUpgrade(req, {
      action: "ecs:StopTask",
      resource: found?.arn ?? unknown,
    });
    if (caller === undefined)
      return refuse(503, "ServiceUnavailableException", "The server is not ready yet.");
    if ("refusal" in caller) {
      const { statusCode, code, message } = caller.refusal;
      return refuse(statusCode, code, message);
    }
    if (found === undefined)
      return refuse(404, "InvalidParameterException", "The referenced task was not found.");
    if (found.capacityProviderName !== "FARGATE_SPOT")
      return refuse(400, "InvalidParameterException", `The task '${found.id}' is not on FARGATE_SPOT.`);
    const row = await store.transact((tx) => interrupt(tx, found, clock.now()));
    if (row.stopCode !== "SpotInterruption")
      return refuse(400, "InvalidParameterException", `The task '${found.id}' stops already.`);
    logger.info("a task on FARGATE_SPOT is interrupted", { taskArn: row.arn, by: caller.principal.arn });
    sendJson(res, 200, { taskArn: row.arn, action: "stop" });
  };
}

/** Broken escapes name no task. */
function decoded(given: string): string {
  try {
    return decodeURIComponent(given);
  } catch {
    return given;
  }
}

function taskOf(reader: Reader, given: string): TaskRow | undefined {
  const id = ecsResourceOf(given)?.parts.at(-1) ?? given;
  for (const [, row] of reader.scan(tasks))
    if (row.id === id && (row.arn === given || id === given)) return row;
  return undefined;
}

function interrupt(tx: Transaction, { region, clusterName, id }: TaskRow, now: number): TaskRow {
  const key = taskKey(region, clusterName, id);
  const before = tx.get(tasks, key);
  if (before === undefined) throw new Error("The task is gone.");
  const after = interruptTask(before, now);
  if (after === before) return before;
  tx.put(tasks, key, after);
  for (const { targetKey } of after.loadBalancers) {
    const target = targetKey === undefined ? undefined : tx.get(targets, targetKey);
    if (targetKey === undefined || target === undefined) continue;
    const group = tx.find(targetGroups, "arn", target.targetGroupArn)[0]?.[1];
    const delay = Number(group?.attributes["deregistration_delay.timeout_seconds"] ?? 300);
    tx.put(targets, targetKey, drainTarget(target, delay, now));
  }
  return after;
}
