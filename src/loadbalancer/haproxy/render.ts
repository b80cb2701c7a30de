// Structure and placed servers → the text of haproxy.cfg. Pure: paths and the fingerprint come in, files are written elsewhere.
import type { ProxyStructure, ProxyTargetGroup } from "../port.ts";
import {
  backendKinds,
  backendName,
  backendsOf,
  serverAddress,
  serverSettings,
  type BackendKind,
  type PlacedServer,
} from "./backends.ts";
import { errorStatuses } from "./error-pages.ts";
import {
  encodeForUri,
  escapeArgument,
  safeAddress,
  safeCookieName,
  safeMatcher,
  safeName,
  safeNumber,
} from "./escape.ts";
import { renderFrontend } from "./frontend.ts";

export interface RenderPaths {
  /** Holds the worker socket, the state file, the weights' map and the error pages; absolute. */
  readonly directory: string;
}

export interface RenderInput {
  readonly structure: ProxyStructure;
  readonly servers: ReadonlyMap<string, readonly PlacedServer[]>;
  /** Told back by the running worker (`show info`), so that an adopter knows what runs. */
  readonly fingerprint: string;
  readonly paths: RenderPaths;
  /** Workers give up root. */
  readonly dropPrivileges: boolean;
}

/** How long an old worker may hold on to a long request after a reload. */
const hardStopSeconds = 3600;
const connectTimeoutSeconds = 10;

export const weightsFile = (paths: RenderPaths): string => `${paths.directory}/weights.map`;
export const stateFile = (paths: RenderPaths): string => `${paths.directory}/servers.state`;
export const errorFile = (paths: RenderPaths, status: number): string => `${paths.directory}/${status}.http`;

/** @throws StructureRefused for values that have no place in a configuration. */
export function renderConfig(input: RenderInput): string {
  const { structure, paths } = input;
  const idle = idleTimeouts(structure);
  const lines = [
    "# Written by Estiba. Changes by hand are lost.",
    "global",
    `  stats socket ${escapeArgument(`${paths.directory}/worker.sock`)} mode 600 level admin expose-fd listeners`,
    `  server-state-file ${escapeArgument(stateFile(paths))}`,
    `  description estiba-${safeName(input.fingerprint)}`,
    `  hard-stop-after ${hardStopSeconds}s`,
    ...(input.dropPrivileges ? ["  uid 65534", "  gid 65534"] : []),
    "defaults",
    "  mode http",
    `  timeout connect ${connectTimeoutSeconds}s`,
    "  timeout client 60s",
    "  timeout server 60s",
    "  option idle-close-on-response",
    "  option http-keep-alive",
    "  option redispatch 1",
    "  option dontlognull",
    "  retries 2",
    "  retry-on conn-failure",
    "  load-server-state-from-file global",
    ...errorStatuses.map((s) => `  errorfile ${s} ${escapeArgument(errorFile(paths, s))}`),
    ...structure.loadBalancers.flatMap((lb) =>
      lb.listeners.flatMap((listener) => renderFrontend(lb, listener, escapeArgument(weightsFile(paths)))),
    ),
    ...structure.targetGroups.flatMap((group) =>
      backendKinds.flatMap((kind) => [
        ...renderBackend(kind, group, paths, idle.get(group.id) ?? 60),
        ...renderServers(kind, group, input.servers.get(group.id) ?? []),
      ]),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function idleTimeouts(structure: ProxyStructure): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const lb of structure.loadBalancers)
    for (const listener of lb.listeners)
      if (listener.defaultAction.type === "forward")
        for (const g of listener.defaultAction.targetGroups)
          found.set(g.targetGroupId, lb.idleTimeoutSeconds);
  return found;
}

function renderBackend(
  kind: BackendKind,
  group: ProxyTargetGroup,
  paths: RenderPaths,
  idle: number,
): string[] {
  const http = group.protocol === "HTTP";
  return [
    `backend ${backendName(kind, group.id)}`,
    `  mode ${http ? "http" : "tcp"}`,
    `  balance ${group.algorithm === "least_outstanding_requests" ? "leastconn" : "roundrobin"}`,
    `  timeout server ${safeNumber(idle, 1, 4000)}s`,
    `  timeout tunnel ${safeNumber(idle, 1, 4000)}s`,
    ...(group.sourceAddress === undefined ? [] : [`  source ${safeAddress(group.sourceAddress)}`]),
    // HAProxy says 503 when a server refuses; an empty group never comes this far, so here it means ELB's 502.
    ...(http ? [`  errorfile 503 ${escapeArgument(errorFile(paths, 502))}`] : []),
    ...(kind === "fo" ? [] : renderCheck(kind, group)),
    ...(kind === "probe" ? [] : renderStickiness(group)),
  ];
}

function renderCheck(kind: BackendKind, group: ProxyTargetGroup): string[] {
  const check = group.healthCheck;
  const timeout = safeNumber(check.timeoutSeconds, 1, 120);
  const timeouts = [
    `  timeout check ${timeout}s`,
    ...(kind === "probe" ? [`  timeout connect ${timeout}s`] : []),
  ];
  if (check.protocol === "TCP") return timeouts;
  const host = group.sourceAddress === undefined ? "localhost" : safeAddress(group.sourceAddress);
  return [
    ...timeouts,
    "  option httpchk",
    `  http-check send meth GET uri ${escapeArgument(encodeForUri(check.path))} ver HTTP/1.1 hdr Host ${host} hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close`,
    `  http-check expect status ${safeMatcher(check.matcher)}`,
  ];
}

function renderStickiness(group: ProxyTargetGroup): string[] {
  if (group.stickiness === undefined || group.protocol !== "HTTP") return [];
  const cookie = escapeArgument(safeCookieName(group.stickiness.cookieName));
  return [
    `  cookie ${cookie} insert indirect nocache dynamic maxidle ${safeNumber(group.stickiness.durationSeconds, 1, 604_800)}s`,
    `  dynamic-cookie-key ${safeName(group.id)}`,
  ];
}

function renderServers(
  kind: BackendKind,
  group: ProxyTargetGroup,
  servers: readonly PlacedServer[],
): string[] {
  return servers
    .filter((server) => backendsOf[server.place].includes(kind))
    .map(
      (server) => `  server ${safeName(server.key)} ${serverAddress(server)}${serverSettings(kind, group)}`,
    );
}
