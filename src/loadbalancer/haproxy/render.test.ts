import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StructureRefused, type ListenerAction, type ProxyStructure } from "../port.ts";
import { testGroup, testStructure } from "../test-structure.ts";
import type { PlacedServer } from "./backends.ts";
import { renderConfig } from "./render.ts";

const render = (structure: ProxyStructure, servers: readonly PlacedServer[] = []) =>
  renderConfig({
    structure,
    servers: new Map([["a1", servers]]),
    fingerprint: "f1",
    paths: { directory: "/run/lb" },
    dropPrivileges: false,
  });
const structure = (change: Partial<Parameters<typeof testStructure>[0]> = {}) =>
  testStructure({ address: "10.0.0.9", port: 80, ...change });
const section = (text: string, head: string) =>
  (text.split(/\n(?=\S)/).find((part) => part.startsWith(head)) ?? "").split("\n").slice(1);

describe("the rendered configuration", () => {
  it("has the same lines whatever a user's texts hold, but for the words themselves", () => {
    const keywords = (text: string) => text.split("\n").map((line) => line.trim().split(" ")[0]);
    const withText = (path: string, body: string) =>
      render(
        structure({
          action: { type: "fixed-response", statusCode: 200, contentType: "text/plain", body },
          groups: [testGroup("a1", { healthCheck: { ...testGroup("a1").healthCheck, path } })],
        }),
      );
    const plain = keywords(withText("/health", "hello"));
    const text = fc.string({ minLength: 1, unit: "binary" }).filter((t) => !t.includes("\0"));
    fc.assert(
      fc.property(text, text, (path, body) => {
        expect(keywords(withText(`/${path}`, body))).toEqual(plain);
      }),
    );
  });

  it("puts a server where it belongs: never proven ones only where no request goes", () => {
    const place = (key: string, p: PlacedServer["place"]): PlacedServer => ({
      key,
      address: "10.0.0.4",
      port: 32768,
      place: p,
    });
    const text = render(structure(), [
      place("new", "initial"),
      place("bad", "refused"),
      place("good", "proven"),
    ]);
    const servers = (backend: string) =>
      section(text, `backend ${backend}_a1`).flatMap((line) => /^ {2}server (\S+)/.exec(line)?.[1] ?? []);
    expect({ probe: servers("probe"), tg: servers("tg"), fo: servers("fo") }).toEqual({
      probe: ["new", "bad"],
      tg: ["good"],
      fo: ["bad", "good"],
    });
    expect(text).not.toMatch(/_backend probe_/);
  });

  it("asks for usable servers only while the worker is not stopping", () => {
    const rules = section(render(structure()), "frontend l_c1").filter((line) => line.includes("nbsrv"));
    expect(rules).toHaveLength(2);
    for (const rule of rules) expect(rule).toContain("!{ stopping }");
  });

  it("keeps idle clients over a reload and retries refused connections only", () => {
    const defaults = section(render(structure()), "defaults");
    expect(defaults).toContain("  option idle-close-on-response");
    expect(defaults).toContain("  retry-on conn-failure");
  });

  it.each<[string, ListenerAction]>([
    ["a content type", { type: "fixed-response", statusCode: 200, contentType: "a/b\n  bind :1", body: "x" }],
    ["a status", { type: "fixed-response", statusCode: 99, contentType: "text/plain", body: "" }],
    ["a group's id", { type: "forward", targetGroups: [{ targetGroupId: "a b", weight: 1 }] }],
  ])("refuses %s that has no place in a configuration", (_, action) => {
    expect(() => render(structure({ action }))).toThrow(StructureRefused);
  });
});
