import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNamesDirectory } from "./names-directory.ts";
import { type DnsZone, NO_ZONES, zoneArguments, zoneFiles } from "./zones.ts";

const zone: DnsZone = {
  domain: "corp.local",
  addresses: [
    { name: "api.corp.local", addresses: ["10.0.0.9", "10.0.0.5", "10.0.0.9"] },
    { name: "t1.web.corp.local", addresses: ["10.0.0.7"] },
    { name: "empty.corp.local", addresses: [] },
  ],
  services: [{ name: "web.corp.local", target: "t1.web.corp.local", port: 32768 }],
};
const only = (name: string, address: string): DnsZone => ({
  domain: "corp.local",
  addresses: [{ name, addresses: [address] }],
  services: [],
});

describe("a private zone", () => {
  it("is a file of addresses for each name that has any", () => {
    expect([...zoneFiles([zone]).files]).toEqual([
      ["api.corp.local", "10.0.0.5 api.corp.local\n10.0.0.9 api.corp.local\n"],
      ["t1.web.corp.local", "10.0.0.7 t1.web.corp.local\n"],
    ]);
  });

  it("is answered by nobody else, with its SRV records as options of the server", () => {
    expect(zoneArguments(zoneFiles([zone]).options)).toEqual([
      "--local=/corp.local/",
      "--srv-host=web.corp.local,t1.web.corp.local,32768,1,1",
    ]);
    expect(zoneArguments(NO_ZONES)).toEqual([]);
  });

  it("gives the same options whatever the order, so that the server is not started anew for nothing", () => {
    const other: DnsZone = { domain: "a", addresses: [], services: [] };
    expect(zoneFiles([other, zone]).options).toEqual(zoneFiles([zone, other]).options);
  });

  it.each([
    ["a name with a line break", only("a\n.corp.local", "10.0.0.1")],
    ["a path", only("../x", "10.0.0.1")],
    ["no address", only("a.corp.local", "10.0.0.1 evil.example")],
    ["a domain with a slash", { ...zone, domain: "corp/local" }],
    ["a port beyond", { ...zone, services: [{ name: "a.b", target: "c.b", port: 65_536 }] }],
  ])("is refused with %s", (_, bad) => {
    expect(() => zoneFiles([bad])).toThrow(RangeError);
  });
});

describe("the zones of a VPC in the names directory", () => {
  let root = "";
  beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "estiba-zones-"))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const files = () => readdirSync(join(root, "vpc-1", "names")).sort();

  it("are remembered, and are not among the names that the machine is told", async () => {
    const names = createNamesDirectory(root);
    await names.set("vpc-1", "lb.estiba.internal", "10.0.0.4");
    await names.setZones("vpc-1", zoneFiles([zone]));
    expect(files()).toEqual(["+api.corp.local", "+t1.web.corp.local", "lb.estiba.internal"]);
    expect(await createNamesDirectory(root).zoneOptions("vpc-1")).toEqual(zoneFiles([zone]).options);
    expect(await names.zoneOptions("vpc-2")).toEqual(NO_ZONES);
    expect(await names.all()).toEqual([{ name: "lb.estiba.internal", address: "10.0.0.4" }]);
  });

  it("lose the names that are no more and keep untouched what stays", async () => {
    const names = createNamesDirectory(root);
    await names.set("vpc-1", "lb.estiba.internal", "10.0.0.4");
    await names.setZones("vpc-1", zoneFiles([zone]));
    const stays = join(root, "vpc-1", "names", "+api.corp.local");
    const { ino } = statSync(stays);
    await names.setZones("vpc-1", zoneFiles([{ ...zone, addresses: zone.addresses.slice(0, 1) }]));
    expect(files()).toEqual(["+api.corp.local", "lb.estiba.internal"]);
    expect(statSync(stays).ino).toBe(ino);
    await names.setZones("vpc-1", zoneFiles([only("api.corp.local", "10.0.0.5")]));
    expect(readFileSync(stays, "utf8")).toBe("10.0.0.5 api.corp.local\n");
    await names.setZones("vpc-1", zoneFiles([]));
    expect(files()).toEqual(["lb.estiba.internal"]);
    expect(await names.zoneOptions("vpc-1")).toEqual(NO_ZONES);
  });
});
