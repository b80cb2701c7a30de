// Invokes an API destination: the endpoint with its placeholders filled, the connection's secret added, and the answer judged
// (EventBridge User Guide, "API destinations"). The call itself is http-call.ts's.
import { apiDestinations, connections } from "#store/tables/events.ts";
import type { ConnectionSecret } from "#domain/events/connection.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { Reader } from "#store/store.ts";
import { type Attempt, DeliveryFailed } from "./deliver.ts";
import type { Pace } from "./pace.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Retry-After in milliseconds, when it was told. */
  readonly retryAfterMs?: number;
}

/** @throws Error when there was no answer in time */
export type HttpCaller = (request: HttpRequest) => Promise<HttpAnswer>;

export interface InvokeParts {
  readonly store: Reader;
  readonly sealer: Sealer;
  readonly callHttp: HttpCaller;
  readonly pace: Pace;
}

export async function invoke(
  { store, sealer, callHttp, pace }: InvokeParts,
  { target }: Pick<Attempt, "target">,
  body: string,
): Promise<void> {
  const destination = store.find(apiDestinations, "arn", target.arn)[0]?.[1];
  const connection =
    destination === undefined ? undefined : store.find(connections, "arn", destination.connectionArn)[0]?.[1];
  if (destination === undefined || connection === undefined)
    throw new DeliveryFailed("The API destination or its connection is gone", { mayRetry: false });
  const secret = JSON.parse(sealer.open(connection.sealed)) as ConnectionSecret;
  const { http = { pathValues: [], headers: {}, query: {} } } = target;
  const url = new URL(fillPath(destination.endpoint, http.pathValues));
  // The connection's parameters stand over the target's of the same name.
  for (const [name, value] of Object.entries({ ...http.query, ...secret.query }))
    url.searchParams.set(name, value);
  await pace(destination.arn, destination.ratePerSecond);
  const answer = await callHttp({
    method: destination.method,
    url: url.href,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "Amazon/EventBridge/ApiDestinations",
      ...lowered(http.headers),
      ...lowered(secret.headers),
    },
    body,
  });
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return;
  // "EventBridge retries requests with the status codes 401, 407, 409, 429, and 5xx."
  const mayRetry = status >= 500 || [401, 407, 409, 429].includes(status);
  throw new DeliveryFailed(`The endpoint answered ${status}`, {
    mayRetry,
    ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }),
  });
}

/** Each `*` of the path takes the next value. */
function fillPath(endpoint: string, values: readonly string[]): string {
  let next = 0;
  return endpoint.replaceAll("*", () => encodeURIComponent(values[next++] ?? "*"));
}

const lowered = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
