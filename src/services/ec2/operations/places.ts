// DescribeRegions, DescribeAvailabilityZones, DescribeAccountAttributes.
import type { AccountAttribute, AvailabilityZone, Region } from "@aws-sdk/client-ec2";
import { type Zone, zonesOf } from "#domain/ec2/default-vpc.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { invalidValue } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";

/** The regions that every account has (AWS Regions and Zones guide). A region is a name here: one machine serves all. */
const REGIONS = [
  "ap-northeast-1",
  "ap-northeast-2",
  "ap-northeast-3",
  "ap-south-1",
  "ap-southeast-1",
  "ap-southeast-2",
  "ca-central-1",
  "eu-central-1",
  "eu-north-1",
  "eu-west-1",
  "eu-west-2",
  "eu-west-3",
  "sa-east-1",
  "us-east-1",
  "us-east-2",
  "us-west-1",
  "us-west-2",
];

const regionFields = (endpoint: string): Fields<string> => ({
  "region-name": (name) => name,
  endpoint: () => endpoint,
  "opt-in-status": () => "opt-in-not-required",
});

const zoneFields = (region: string): Fields<Zone> => ({
  "zone-name": (zone) => zone.name,
  "zone-id": (zone) => zone.id,
  "zone-type": () => "availability-zone",
  "region-name": () => region,
  "group-name": () => region,
  "opt-in-status": () => "opt-in-not-required",
  state: () => "available",
});

export function placeOperations(deps: Ec2Dependencies) {
  return {
    DescribeRegions(input, { region, endpoint }) {
      const known = REGIONS.includes(region) ? REGIONS : [...REGIONS, region].sort();
      const names = input.RegionNames ?? [];
      const unknown = names.find((name) => !known.includes(name));
      if (unknown !== undefined) throw invalidValue(`Invalid region provided: [${unknown}]`);
      const host = new URL(endpoint).host;
      const rows = filterRows(names.length === 0 ? known : names, input.Filters, regionFields(host));
      return {
        Regions: rows.map((name): Region => ({
          RegionName: name,
          Endpoint: host,
          OptInStatus: "opt-in-not-required",
        })),
      };
    },

    DescribeAvailabilityZones(input, { region }) {
      const zones = zonesOf(region);
      const names = [...(input.ZoneNames ?? []), ...(input.ZoneIds ?? [])];
      const unknown = names.find((name) => !zones.some((zone) => zone.name === name || zone.id === name));
      if (unknown !== undefined) throw invalidValue(`Invalid availability zone: [${unknown}]`);
      const chosen =
        names.length === 0 ? zones : zones.filter((z) => names.includes(z.name) || names.includes(z.id));
      return {
        AvailabilityZones: filterRows(chosen, input.Filters, zoneFields(region)).map(
          (zone): AvailabilityZone => ({
            ZoneName: zone.name,
            ZoneId: zone.id,
            ZoneType: "availability-zone",
            RegionName: region,
            GroupName: region,
            NetworkBorderGroup: region,
            OptInStatus: "opt-in-not-required",
            State: "available",
            Messages: [],
          }),
        ),
      };
    },

    /** Those that say something true here: no EC2-Classic, which VPC is the default. */
    async DescribeAccountAttributes(input, { region }) {
      const vpc = await ensureDefaultVpc(deps, region);
      const all: Readonly<Record<string, string>> = { "supported-platforms": "VPC", "default-vpc": vpc.id };
      const names: readonly string[] = input.AttributeNames ?? [];
      const unknown = names.find((name) => !Object.hasOwn(all, name));
      if (unknown !== undefined) throw invalidValue(`Invalid attribute name: '${unknown}'`);
      return {
        AccountAttributes: Object.entries(all)
          .filter(([name]) => names.length === 0 || names.includes(name))
          .map(([AttributeName, AttributeValue]): AccountAttribute => ({
            AttributeName,
            AttributeValues: [{ AttributeValue }],
          })),
      };
    },
  } satisfies Ec2Operations;
}
