// `estiba join-token`: makes a token by which one other machine may join, and says what to type there.
import { REMOVAL_PATH, TOKEN_PATH } from "#domain/join/answer.ts";
import { systemClock } from "#lib/clock.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import { BadConfiguration } from "#server/config.ts";
import type { Connection } from "../connection.ts";

export interface JoinTokenOptions {
  readonly external?: boolean;
  readonly cluster?: string;
  /** How long it may be used; an hour when absent. */
  readonly seconds?: number;
  readonly type?: string;
  readonly subnet?: string;
  /** Ids of security groups, with commas between. */
  readonly groups?: string;
  readonly profile?: string;
  readonly role?: string;
}

export interface JoinToken {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** @throws Error in the server's words when it refuses */
export async function createJoinToken(
  connection: Pick<Connection, "endpoint" | "region" | "credentials">,
  { external, ...options }: JoinTokenOptions,
): Promise<JoinToken> {
  const query = new URLSearchParams(external === true ? { kind: "external" } : {});
  for (const [name, value] of Object.entries(options))
    if (value !== undefined) query.set(name, String(value));
  const answer = await post(connection, `${TOKEN_PATH}?${query.toString()}`);
  const said = (await answer.json()) as Partial<JoinToken> & { readonly message?: string };
  if (!answer.ok || said.token === undefined || said.expiresAt === undefined)
    throw new Error(said.message ?? `The server refused: ${answer.status}`);
  return { token: said.token, expiresAt: said.expiresAt };
}

export async function joinToken(
  connection: Connection,
  options: JoinTokenOptions,
  print: (line: string) => void,
): Promise<void> {
  const { token, expiresAt } = await createJoinToken(connection, options);
  const endpoint = connection.joinEndpoint ?? "http://<an address of this machine>:<port>";
  print(`# On the other machine, once, before ${new Date(expiresAt).toISOString()}:`);
  print(`estiba agent --join ${endpoint} --token ${token}`);
  if (connection.joinEndpoint === undefined)
    print(
      "# The server listens for this machine alone: start it with --join-address and an address that others reach.",
    );
}

/** `estiba machine remove`: an external machine's credentials are worth nothing from then on. @throws Error in the server's words */
export async function removeMachine(
  connection: Pick<Connection, "endpoint" | "region" | "credentials">,
  id: string,
  print: (line: string) => void,
): Promise<void> {
  const answer = await post(connection, `${REMOVAL_PATH}?id=${encodeURIComponent(id)}`);
  const said = (await answer.json()) as { readonly message?: string };
  if (!answer.ok) throw new Error(said.message ?? `The server refused: ${answer.status}`);
  print(`${id} is no machine of this server any more.`);
}

function post(
  { endpoint, region, credentials }: Pick<Connection, "endpoint" | "region" | "credentials">,
  path: string,
): Promise<Response> {
  const url = endpoint + path;
  const time = systemClock.now();
  const { host: _host, ...headers } = signRequest({
    method: "POST",
    url,
    credentials,
    region,
    service: "ecs",
    time,
  });
  return fetch(url, { method: "POST", headers });
}

/** `30m` in seconds. @throws BadConfiguration */
export function readSeconds(text: string): number {
  const [, count, unit = ""] = /^(\d+)([smh])$/.exec(text) ?? [];
  const factor = { s: 1, m: 60, h: 3600 }[unit];
  if (count === undefined || factor === undefined)
    throw new BadConfiguration(`--valid-for is "${text}"; expected a duration as in 90s, 30m or 2h.`);
  return Number(count) * factor;
}
