// Who belongs to which group, and what was last seen and told of each. Observation in, events out; nothing is awaited here.
import type { ProxyEvent, ProxyTarget, ProxyTargetGroup } from "../port.ts";
import { parseBackendName, type PlacedServer } from "./backends.ts";
import { safeAddress, safeName, safeNumber } from "./escape.ts";
import type { ServerStat } from "./runtime.ts";
import { probeVerdict, servingVerdict, type Verdict } from "./verdict.ts";
import { isMaint, serverPath, type GroupMembers, type Member } from "./worker-plan.ts";

interface Entry {
  members: Map<string, Member>;
  complete: boolean;
}

export function createMembership() {
  const entries = new Map<string, Entry>();
  let groupList: readonly ProxyTargetGroup[] = [];
  /** `group/key` → what the listener was last told. */
  const told = new Map<string, string>();

  const entryOf = (groupId: string): Entry => {
    const known = entries.get(groupId);
    if (known !== undefined) return known;
    const fresh = { members: new Map<string, Member>(), complete: false };
    entries.set(groupId, fresh);
    return fresh;
  };

  const groups = (): ReadonlyMap<string, GroupMembers> =>
    new Map(groupList.map((group) => [group.id, { group, ...entryOf(group.id) }]));

  return {
    groups,
    setGroups(list: readonly ProxyTargetGroup[]) {
      groupList = list;
    },

    /** What the configuration file lists: draining targets live on in old workers only. */
    placed(): ReadonlyMap<string, readonly PlacedServer[]> {
      return new Map(
        [...entries].map(([id, { members }]) => [id, [...members.values()].filter((m) => !m.draining)]),
      );
    },

    /** Takes over what a running proxy holds, until someone says which targets there should be. */
    adopt(stats: readonly ServerStat[]) {
      for (const stat of stats) {
        const parsed = parseBackendName(stat.backend);
        const [address, port] = stat.address.split(":");
        if (parsed === undefined || address === undefined || port === undefined) continue;
        const members = entryOf(parsed.groupId).members;
        const before = members.get(stat.server);
        const place =
          parsed.kind === "tg"
            ? "proven"
            : parsed.kind === "probe"
              ? "initial"
              : (before?.place ?? "initial");
        // Listed in the order probe_, tg_, fo_: a probed one that also stands in fo_ was found unhealthy.
        const refused = parsed.kind === "fo" && before?.place === "initial";
        members.set(stat.server, {
          key: stat.server,
          address,
          port: Number(port),
          place: refused ? "refused" : place,
          draining: isMaint(stat) || (before?.draining ?? false),
          health: "initial",
        });
      }
    },

    setTargets(groupId: string, targets: readonly ProxyTarget[]) {
      const entry = entryOf(groupId);
      const members = new Map<string, Member>();
      for (const target of targets) {
        const known = entry.members.get(safeName(target.key));
        members.set(target.key, {
          key: target.key,
          address: safeAddress(target.address),
          port: safeNumber(target.port, 1, 65535),
          place: known?.place ?? (target.knownHealthy ? "proven" : "initial"),
          health: known?.health ?? (target.knownHealthy ? "healthy" : "initial"),
          draining: target.state === "draining",
        });
      }
      for (const key of entry.members.keys()) if (!members.has(key)) told.delete(`${groupId}/${key}`);
      entry.members = members;
      entry.complete = true;
    },

    /** After a cold start from an older file: what was not healthy when last seen passes the gate again. */
    forgetUnservable(current: readonly ServerStat[]) {
      const present = new Set(current.map((stat) => `${stat.backend}/${stat.server}`));
      for (const [id, { members }] of entries)
        for (const member of members.values())
          if (
            member.place === "proven" &&
            member.health !== "healthy" &&
            !present.has(serverPath("tg", id, member.key))
          )
            members.set(member.key, { ...member, place: "refused" });
    },

    observe(current: readonly ServerStat[]): ProxyEvent[] {
      const byPath = new Map(current.map((stat) => [`${stat.backend}/${stat.server}`, stat]));
      const events: ProxyEvent[] = [];
      for (const group of groupList) {
        const members = entryOf(group.id).members;
        for (const member of members.values()) {
          if (member.draining) continue;
          const stat = byPath.get(
            serverPath(member.place === "proven" ? "tg" : "probe", group.id, member.key),
          );
          const verdict = stat && (member.place === "proven" ? servingVerdict(stat) : probeVerdict(stat));
          if (verdict === undefined) continue;
          const place = verdict.health === "healthy" || member.place === "proven" ? "proven" : "refused";
          members.set(member.key, { ...member, place, health: verdict.health });
          const event = toEvent(group.id, member.key, verdict);
          const text = JSON.stringify(verdict);
          if (told.get(`${group.id}/${member.key}`) === text) continue;
          told.set(`${group.id}/${member.key}`, text);
          events.push(event);
        }
      }
      return events;
    },

    /** Draining targets without session or queue in every worker, each told once. */
    idle(workers: readonly (readonly ServerStat[])[]): ProxyEvent[] {
      const busy = new Set<string>();
      for (const stat of workers.flat()) {
        const parsed = parseBackendName(stat.backend);
        // Until it is in maintenance it may still be given a request.
        if (
          parsed !== undefined &&
          (stat.sessions + stat.queued > 0 || (parsed.kind !== "probe" && !isMaint(stat)))
        )
          busy.add(`${parsed.groupId}/${stat.server}`);
      }
      const events: ProxyEvent[] = [];
      for (const [id, { members }] of entries)
        for (const member of members.values()) {
          const name = `${id}/${member.key}`;
          if (!member.draining || busy.has(name) || told.get(name) === "idle") continue;
          told.set(name, "idle");
          events.push({ type: "idle", targetGroupId: id, key: member.key });
        }
      return events;
    },

    /** Something is about to change: look again soon. */
    restless(): boolean {
      for (const [id, { members }] of entries)
        for (const member of members.values())
          if (member.draining ? told.get(`${id}/${member.key}`) !== "idle" : member.place === "initial")
            return true;
      return false;
    },
  };
}

const toEvent = (targetGroupId: string, key: string, verdict: Verdict): ProxyEvent =>
  verdict.health === "healthy"
    ? { type: "healthy", targetGroupId, key }
    : { type: "unhealthy", targetGroupId, key, reason: verdict.reason, description: verdict.description };
