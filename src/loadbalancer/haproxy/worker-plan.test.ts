import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testGroup } from "../test-structure.ts";
import { backendKinds, backendName, backendsOf, type BackendKind, type Place } from "./backends.ts";
import { parseProcesses, parseSessions, parseStat, type ServerStat } from "./runtime.ts";
import { probeVerdict, servingVerdict } from "./verdict.ts";
import { weightBounds } from "./weights.ts";
import { overdueInOldWorker, planWorker, type GroupMembers, type Member } from "./worker-plan.ts";

const stat = (kind: BackendKind, server: string, change: Partial<ServerStat> = {}): ServerStat => ({
  backend: backendName(kind, "a1"),
  server,
  status: "UP",
  checkStatus: "L7OK",
  checkCode: "200",
  sessions: 0,
  queued: 0,
  address: "10.0.0.4:32768",
  ...change,
});
const member = (key: string, place: Place, draining = false): Member => ({
  key,
  address: "10.0.0.4",
  port: 32768,
  place,
  draining,
  health: "initial",
});
const groupOf = (members: readonly Member[], complete = true): ReadonlyMap<string, GroupMembers> =>
  new Map([["a1", { group: testGroup("a1"), members: new Map(members.map((m) => [m.key, m])), complete }]]);

/** What a worker has after the commands, as far as the plan concerns it. */
function afterwards(before: readonly ServerStat[], commands: readonly string[]): readonly ServerStat[] {
  const present = new Map(before.map((s) => [`${s.backend}/${s.server}`, s]));
  for (const command of commands) {
    const [, path = ""] = /(?:add server|del server|set server) (\S+)/.exec(command) ?? [];
    const [backend = "", server = ""] = path.split("/");
    if (command.startsWith("add")) present.set(path, { ...stat("tg", server), backend });
    if (command.startsWith("del")) present.delete(path);
    const known = present.get(path);
    if (command.endsWith("state maint") && known !== undefined)
      present.set(path, { ...known, status: "MAINT" });
  }
  return [...present.values()];
}

describe("the plan for the current worker", () => {
  const members = fc.uniqueArray(
    fc
      .record({
        key: fc.constantFrom("a", "b", "c", "d"),
        place: fc.constantFrom<Place>("initial", "refused", "proven"),
        draining: fc.boolean(),
      })
      .map(({ key, place, draining }) => member(key, place, draining)),
    { selector: (m) => m.key },
  );
  const stats = fc
    .subarray(backendKinds.flatMap((kind) => ["a", "b", "c", "x"].map((name) => [kind, name] as const)))
    .map((pairs) => pairs.map(([kind, name]) => stat(kind, name)));

  it("leads to what the members say, after which nothing is left to do", () => {
    fc.assert(
      fc.property(stats, members, (before, wanted) => {
        const after = afterwards(before, planWorker(before, groupOf(wanted)));
        expect(planWorker(after, groupOf(wanted))).toEqual([]);
        const usable = after.filter((s) => s.status === "UP").map((s) => `${s.backend}/${s.server}`);
        const expected = wanted
          .filter((m) => !m.draining)
          .flatMap((m) => backendsOf[m.place].map((kind) => `${backendName(kind, "a1")}/${m.key}`));
        expect(usable.sort()).toEqual(expected.sort());
      }),
    );
  });

  it("takes nothing out of a group whose targets nobody has named yet", () => {
    expect(planWorker([stat("tg", "adopted")], groupOf([], false))).toEqual([]);
  });

  it("takes a target that leaves out of service before it ends what is in flight, and deletes it last", () => {
    expect(planWorker([stat("tg", "gone", { sessions: 2 })], groupOf([]))).toEqual([
      "set server tg_a1/gone state maint",
      "shutdown sessions server tg_a1/gone",
      "del server tg_a1/gone",
    ]);
  });
});

it("names the servers of an old worker whose targets were removed while requests are in flight", () => {
  const old = [stat("tg", "gone", { sessions: 1 }), stat("tg", "quiet"), stat("tg", "kept", { sessions: 3 })];
  expect(overdueInOldWorker(old, groupOf([member("kept", "proven")]))).toEqual(["tg_a1/gone"]);
});

describe("a verdict", () => {
  it("for a target that was never healthy needs a passed check, whatever HAProxy calls it", () => {
    expect(probeVerdict(stat("probe", "a", { checkStatus: "INI" }))).toBeUndefined();
    expect(probeVerdict(stat("probe", "a", { checkStatus: "L7OK" }))).toEqual({ health: "healthy" });
  });

  it.each([
    ["L7STS", "503", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"],
    ["L4TOUT", "", "Target.Timeout", "Request timed out"],
    ["L7TOUT", "", "Target.Timeout", "Request timed out"],
    ["L4CON", "", "Target.FailedHealthChecks", "Health checks failed"],
  ])("reads %s as ELB's reason", (checkStatus, checkCode, reason, description) => {
    const verdict = servingVerdict(stat("tg", "a", { status: "DOWN", checkStatus, checkCode }));
    expect(verdict).toEqual({ health: "unhealthy", reason, description });
  });

  it("is not given in maintenance", () => {
    expect(servingVerdict(stat("tg", "a", { status: "MAINT" }))).toBeUndefined();
  });
});

describe("what the master's socket answers", () => {
  it("tells master, current and old workers apart", () => {
    const text = [
      "#<PID>          <type>          <reloads>       <uptime>        <version>",
      "10              master          2               0d00h00m10s     2.6.12",
      "# workers",
      "14              worker          0               0d00h00m01s     2.6.12",
      "# old workers",
      "12              worker          1               0d00h00m05s     2.6.12",
      "11              worker          2               0d00h00m09s     2.6.12",
      "# programs",
      "",
    ].join("\n");
    expect(parseProcesses(text)).toEqual({ masterPid: 10, current: 14, old: [12, 11] });
  });

  it("gives statistics by the header's columns, commas in quotes included", () => {
    const text = '# pxname,svname,status,check_desc,scur,addr,\ntg_a1,k,UP 1/2,"a, ""b""",3,10.0.0.4:1,\n\n';
    expect(parseStat(text)).toMatchObject([
      { backend: "tg_a1", server: "k", status: "UP 1/2", sessions: 3, address: "10.0.0.4:1" },
    ]);
  });

  it("gives sessions with their server", () => {
    const text =
      "0x55bf: proto=tcpv4 src=127.0.0.1:5 fe=l_c1 be=tg_a1 srv=slow ts=00 epoch=0\n0x7ff5: proto=sockpair src=unix:2 fe=GLOBAL be=<NONE> srv=<none> ts=00\n";
    expect(parseSessions(text)).toEqual([
      { id: "0x55bf", backend: "tg_a1", server: "slow" },
      { id: "0x7ff5", backend: "<NONE>", server: "<none>" },
    ]);
  });
});

it("bounds a weighted draw by each group's share of the whole", () => {
  const bounds = (weights: readonly number[]) =>
    weightBounds({
      type: "forward",
      targetGroups: weights.map((weight, i) => ({ targetGroupId: `a${i}`, weight })),
    });
  expect(bounds([9, 1])).toBe("900000_1000000");
  expect(bounds([0, 0])).toBe("0_0");
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 5 }), (weights) => {
      const list = bounds(weights).split("_").map(Number);
      expect([...list].sort((a, b) => a - b)).toEqual(list);
      expect(list.at(-1)).toBe(weights.some((w) => w > 0) ? 1_000_000 : 0);
    }),
  );
});
