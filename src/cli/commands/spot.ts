// `estiba spot interrupt`: takes a Spot Instance away as AWS does, with notice, or a task on FARGATE_SPOT, which is stopped.
import { systemClock } from "#lib/clock.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import type { Connection } from "../connection.ts";

/** @throws Error in the server's words when it refuses */
export async function interruptSpot(
  connection: Connection,
  id: string,
  print: (line: string) => void,
): Promise<void> {
  const url = `${connection.endpoint}/_estiba/spot/${encodeURIComponent(id)}/interrupt`;
  const { host: _host, ...headers } = signRequest({
    method: "POST",
    url,
    credentials: connection.credentials,
    region: connection.region,
    // Checked as the agents' upgrades are; the path is part of what is signed.
    service: "ecs",
    time: systemClock.now(),
  });
  const answer = await fetch(url, { method: "POST", headers });
  const said = (await answer.json()) as {
    readonly message?: string;
    readonly time?: string;
    readonly taskArn?: string;
  };
  if (!answer.ok) throw new Error(said.message ?? `The server refused: ${answer.status}`);
  if (said.taskArn !== undefined) return print(`${said.taskArn} is interrupted and stops.`);
  print(`${id} was told; it goes at ${said.time ?? "once"}.`);
}
