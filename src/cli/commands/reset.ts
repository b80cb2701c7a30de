// `estiba reset`: asks a server started with --allow-reset to empty all state.
import { signRequest } from "#lib/sigv4-sign.ts";
import type { Connection } from "../connection.ts";

export async function reset(connection: Connection, print: (line: string) => void): Promise<void> {
  const url = `${connection.endpoint}/_estiba/reset`;
  const { host: _host, ...headers } = signRequest({
    method: "POST",
    url,
    credentials: connection.credentials,
    region: connection.region,
    // Checked as the agents' upgrades are; the path is part of what is signed.
    service: "ecs",
    time: Date.now(),
  });
  const answer = await fetch(url, { method: "POST", headers });
  if (answer.status === 404) throw new Error("The server was not started with --allow-reset.");
  if (!answer.ok) throw new Error(`The server refused: ${answer.status} ${await answer.text()}`);
  print("All state is empty.");
}
