// What the current worker has against what it should have → runtime commands, and what an old worker holds too long. Pure.
// Running the result twice does no harm.
import type { ProxyTargetGroup } from "../port.ts";
import {
  backendName,
  backendsOf,
  parseBackendName,
  serverAddress,
  serverSettings,
  type BackendKind,
  type PlacedServer,
} from "./backends.ts";
import { safeName } from "./escape.ts";
import type { ServerStat } from "./runtime.ts";

export interface Member extends PlacedServer {
  /** Takes nothing new; what is in flight may end. */
  readonly draining: boolean;
  readonly health: "initial" | "healthy" | "unhealthy";
}

export interface GroupMembers {
  readonly group: ProxyTargetGroup;
  readonly members: ReadonlyMap<string, Member>;
  /** False for an adopted group whose targets nobody has named yet: nothing is taken out of it. */
  readonly complete: boolean;
}

export const isUp = (stat: ServerStat): boolean => stat.status.startsWith("UP");
export const isMaint = (stat: ServerStat): boolean => stat.status.startsWith("MAINT");
export const serverPath = (kind: BackendKind, groupId: string, key: string): string =>
  `${backendName(kind, groupId)}/${safeName(key)}`;

export function planWorker(
  stats: readonly ServerStat[],
  groups: ReadonlyMap<string, GroupMembers>,
): string[] {
  const commands: string[] = [];
  const present = new Map(stats.map((stat) => [`${stat.backend}/${stat.server}`, stat]));
  for (const stat of stats) {
    const parsed = parseBackendName(stat.backend);
    const entry = parsed === undefined ? undefined : groups.get(parsed.groupId);
    if (parsed === undefined || entry === undefined || !entry.complete) continue;
    const member = entry.members.get(stat.server);
    const path = `${stat.backend}/${safeName(stat.server)}`;
    if (member === undefined) commands.push(...removal(path, stat));
    else if (member.draining) {
      if (!isMaint(stat)) commands.push(`set server ${path} state maint`);
    } else if (!backendsOf[member.place].includes(parsed.kind)) commands.push(...removal(path, stat));
  }
  for (const { group, members } of groups.values())
    for (const member of members.values()) {
      if (member.draining) continue;
      for (const kind of backendsOf[member.place]) {
        if (!present.has(serverPath(kind, group.id, member.key)))
          commands.push(...addition(kind, group, member));
      }
    }
  return commands;
}

/**
 * Servers of an old worker whose sessions must end, as `backend/server`: their targets were removed. Nothing else can be asked of
 * an old worker: it refuses every command about a server once its proxies have stopped.
 */
export function overdueInOldWorker(
  stats: readonly ServerStat[],
  groups: ReadonlyMap<string, GroupMembers>,
): string[] {
  return stats.flatMap((stat) => {
    const parsed = parseBackendName(stat.backend);
    const entry = parsed === undefined ? undefined : groups.get(parsed.groupId);
    const isGone = entry?.complete === true && !entry.members.has(stat.server);
    return isGone && stat.sessions > 0 ? [`${stat.backend}/${stat.server}`] : [];
  });
}

/** `maint` first: no request finds it any more; the sessions end; deletion succeeds once idle connections are gone. */
function removal(path: string, stat: ServerStat): string[] {
  return [
    ...(isMaint(stat) ? [] : [`set server ${path} state maint`]),
    ...(stat.sessions + stat.queued > 0 ? [`shutdown sessions server ${path}`] : []),
    `del server ${path}`,
  ];
}

function addition(kind: BackendKind, group: ProxyTargetGroup, member: PlacedServer): string[] {
  const path = serverPath(kind, group.id, member.key);
  const sticky = kind !== "probe" && group.stickiness !== undefined;
  return [
    `add server ${path} ${serverAddress(member)}${serverSettings(kind, group)}`,
    ...(kind === "fo" ? [] : [`enable health ${path}`]),
    // Without it the new server's cookie is empty.
    ...(sticky ? [`enable dynamic-cookie backend ${backendName(kind, group.id)}`] : []),
    `enable server ${path}`,
    // Leaving maintenance, one failed check would take it out whatever the threshold says.
    ...(kind === "tg" ? [`set server ${path} health up`] : []),
  ];
}
