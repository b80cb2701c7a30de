// The three backends of a target group, and how a server stands in each.
//   probe_: never yet healthy; checked, but no frontend routes here, so no reload or race can send it a request.
//   tg_:    has been healthy; HAProxy itself takes it out and in by the thresholds.
//   fo_:    the same and those found unhealthy, unchecked: used when nothing in tg_ is up (ELB's fail open).
import type { ProxyHealthCheck, ProxyTargetGroup } from "../port.ts";
import { safeAddress, safeName, safeNumber } from "./escape.ts";

export type BackendKind = "probe" | "tg" | "fo";
export const backendKinds: readonly BackendKind[] = ["probe", "tg", "fo"];

/** `initial`: no verdict yet; `refused`: found unhealthy before it was ever healthy; `proven`: has been healthy. */
export type Place = "initial" | "refused" | "proven";

export const backendsOf: Readonly<Record<Place, readonly BackendKind[]>> = {
  initial: ["probe"],
  refused: ["probe", "fo"],
  proven: ["tg", "fo"],
};

export interface PlacedServer {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly place: Place;
}

export const backendName = (kind: BackendKind, groupId: string): string => `${kind}_${safeName(groupId)}`;

export function parseBackendName(name: string): { kind: BackendKind; groupId: string } | undefined {
  const match = /^(probe|tg|fo)_(.+)$/.exec(name);
  return match === null ? undefined : { kind: match[1] as BackendKind, groupId: match[2] ?? "" };
}

export const serverAddress = (server: Pick<PlacedServer, "address" | "port">): string =>
  `${safeAddress(server.address)}:${safeNumber(server.port, 1, 65535)}`;

/** Probing is at most a second apart; its counts are stretched so that verdicts take as long as the group's settings say. */
export const probeIntervalSeconds = (check: ProxyHealthCheck): number => Math.min(1, check.intervalSeconds);

/**
 * Without both words a server that was added at run time keeps no idle connection at all, and each request pays for a new one. Shorter than
 * what common servers keep an idle connection for (Node.js: five seconds), so that they are not the ones to close it.
 */
const idlePool = " pool-max-conn 1000 pool-purge-delay 2s";

/** The words after a server's address, in the file and in `add server` alike. */
export function serverSettings(kind: BackendKind, group: ProxyTargetGroup): string {
  if (kind === "fo") return idlePool;
  const check = group.healthCheck;
  const interval = safeNumber(check.intervalSeconds, 1, 300);
  const port = check.port === undefined ? "" : ` port ${safeNumber(check.port, 1, 65535)}`;
  const fall = safeNumber(check.unhealthyThreshold, 1, 10);
  const rise = safeNumber(check.healthyThreshold, 1, 10);
  if (kind === "probe") {
    const every = probeIntervalSeconds(check);
    const stretched = (count: number) => Math.ceil(((count - 1) * interval) / every) + 1;
    return ` check inter ${every * 1000} fall ${stretched(fall)} rise ${stretched(rise)}${port}`;
  }
  const slow = group.slowStartSeconds > 0 ? ` slowstart ${safeNumber(group.slowStartSeconds, 1, 900)}s` : "";
  return ` check inter ${interval * 1000} fall ${fall} rise ${rise}${port}${slow}${idlePool}`;
}
