// What a subnet's routes say of the outside, for those with a public address and those without.
import { describe, expect, it } from "vitest";
import type { NatGatewayRow } from "./nat.ts";
import { outsideRoutes, type VpcRoutes } from "./outside.ts";
import type { RouteTableRow } from "./vpc-parts.ts";

const IGW = "igw-1";
const NAT = "nat-1";
const table = (id: string, routes: Readonly<Record<string, string>>, subnetId?: string): RouteTableRow => ({
  id,
  region: "r",
  vpcId: "vpc-1",
  routes: Object.entries(routes).map(([destination, gatewayId]) => ({ destination, gatewayId })),
  associations: [subnetId === undefined ? { id: `${id}-a` } : { id: `${id}-a`, subnetId }],
  tags: {},
});
const nat = (more: Partial<NatGatewayRow> = {}): NatGatewayRow => ({
  id: NAT,
  region: "r",
  vpcId: "vpc-1",
  subnetId: "public",
  privateIp: "10.0.0.5",
  networkInterfaceId: "eni-1",
  allocationId: "eipalloc-1",
  createdAt: 0,
  tags: {},
  ...more,
});
const vpc = (more: Partial<VpcRoutes> = {}): VpcRoutes => ({
  tables: [
    table("main", {}),
    table("rtb-public", { "0.0.0.0/0": IGW }, "public"),
    table("rtb-private", { "0.0.0.0/0": NAT }, "private"),
  ],
  internetGateways: [{ id: IGW, region: "r", vpcId: "vpc-1", tags: {} }],
  natGateways: [nat()],
  ...more,
});
const passes = (rows: VpcRoutes, subnetId: string, isPublic: boolean) =>
  outsideRoutes(rows, subnetId, isPublic).map((route) => `${route.destination} ${route.passes}`);

describe("beyond the VPC", () => {
  it.each<[string, VpcRoutes, string, boolean, string[]]>([
    ["a public address, by the internet gateway", vpc(), "public", true, ["0.0.0.0/0 true"]],
    ["no public address, by the internet gateway", vpc(), "public", false, ["0.0.0.0/0 false"]],
    ["no public address, by the NAT gateway", vpc(), "private", false, ["0.0.0.0/0 true"]],
    ["the main table, which leads nowhere", vpc(), "other", true, []],
    ["a NAT gateway that was deleted", vpc({ natGateways: [] }), "private", true, ["0.0.0.0/0 false"]],
    [
      "a private NAT gateway",
      vpc({ natGateways: [{ ...nat(), allocationId: undefined } as unknown as NatGatewayRow] }),
      "private",
      false,
      ["0.0.0.0/0 false"],
    ],
    [
      "a NAT gateway in a subnet that does not lead out itself",
      vpc({ natGateways: [nat({ subnetId: "private" })] }),
      "private",
      false,
      ["0.0.0.0/0 false"],
    ],
    ["a detached internet gateway", vpc({ internetGateways: [] }), "public", true, ["0.0.0.0/0 false"]],
  ])("%s", (_, rows, subnetId, isPublic, expected) => {
    expect(passes(rows, subnetId, isPublic)).toEqual(expected);
  });

  it("the most specific route comes first, whatever the order in which they were made", () => {
    const routes = { "0.0.0.0/0": IGW, "198.51.100.0/24": NAT, "198.51.0.0/16": "igw-gone" };
    const rows = vpc({ tables: [table("main", routes), table("t", { "198.51.0.0/16": IGW }, "public")] });
    expect(passes(rows, "any", true)).toEqual([
      "198.51.100.0/24 true",
      "198.51.0.0/16 false",
      "0.0.0.0/0 true",
    ]);
  });
});
