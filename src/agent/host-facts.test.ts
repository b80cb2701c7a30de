import { expect, it } from "vitest";
import { readHostFacts } from "./host-facts.ts";

const leaves: Readonly<Record<string, string>> = {
  "meta-data/mac": "02:00:00:00:00:01",
  "meta-data/placement/availability-zone": "us-east-1a",
  "meta-data/placement/availability-zone-id": "use1-az1",
  "meta-data/network/interfaces/macs/02:00:00:00:00:01/vpc-id": "vpc-1",
};
const imds = (without = "") => ({
  text: async (path: string) => {
    const text = path === without ? undefined : leaves[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  },
});

it("a host's place is what its metadata service says", async () => {
  expect(await readHostFacts(imds())).toEqual({
    availabilityZone: "us-east-1a",
    availabilityZoneId: "use1-az1",
    vpcId: "vpc-1",
  });
});

it("it may be without the zone's id, and is not known without the VPC's", async () => {
  const facts = await readHostFacts(imds("meta-data/placement/availability-zone-id"));
  expect(facts).toEqual({ availabilityZone: "us-east-1a", vpcId: "vpc-1" });
  await expect(readHostFacts(imds("meta-data/mac"))).rejects.toThrow("no meta-data/mac");
});
