// DescribeInstanceTypes and DescribeInstanceTypeOfferings: the table of types, offered in every zone.
import type { InstanceTypeInfo, LocationType } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { zonesOf } from "#domain/ec2/default-vpc.ts";
import { type InstanceType, instanceType, instanceTypes } from "#domain/ec2/instance-types.ts";
import type { Ec2Operations } from "../dependencies.ts";
import { invalidCombination, invalidParameter } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { page } from "../paging.ts";

const fields: Fields<InstanceType> = {
  "instance-type": (t) => t.name,
  "current-generation": (t) => t.currentGeneration,
  "burstable-performance-supported": (t) => t.burstable,
  "bare-metal": () => false,
  "free-tier-eligible": (t) => isFreeTier(t),
  hypervisor: (t) => t.hypervisor,
  "instance-storage-supported": () => false,
  "memory-info.size-in-mib": (t) => t.memoryMiB,
  "network-info.maximum-network-interfaces": (t) => t.maximumNetworkInterfaces,
  "network-info.ipv4-addresses-per-interface": (t) => t.ipv4AddressesPerInterface,
  "processor-info.supported-architecture": (t) => t.architecture,
  "supported-usage-class": () => "on-demand",
  "supported-virtualization-type": () => "hvm",
  "vcpu-info.default-vcpus": (t) => t.vcpus,
};

interface Offering {
  readonly type: string;
  readonly location: string;
}
const offeringFields: Fields<Offering> = {
  "instance-type": (o) => o.type,
  location: (o) => o.location,
};

export function instanceTypeOperations() {
  return {
    DescribeInstanceTypes(input, context) {
      const names = input.InstanceTypes ?? [];
      if (names.length > 0 && input.MaxResults !== undefined)
        throw invalidCombination("The parameter instanceTypes cannot be used with the parameter maxResults");
      const unknown = names.filter((name) => instanceType(name) === undefined);
      if (unknown.length > 0) {
        throw new ServiceError(
          "InvalidInstanceType",
          `The following supplied instance types do not exist: [${unknown.join(", ")}]`,
        );
      }
      const named = names.length === 0 ? instanceTypes : names.flatMap((name) => instanceType(name) ?? []);
      const rows = filterRows(named, input.Filters, fields);
      const { items, rest } = page(rows, (t) => t.name, context, input, { largest: 100 });
      return { InstanceTypes: items.map(showType), ...rest };
    },

    DescribeInstanceTypeOfferings(input, context) {
      const { region } = context;
      const locationType = input.LocationType ?? "region";
      const locations = locationsOf(locationType, region);
      const all = instanceTypes.flatMap((t) => locations.map((location) => ({ type: t.name, location })));
      const rows = filterRows(all, input.Filters, offeringFields);
      const { items, rest } = page(rows, (o) => `${o.type}/${o.location}`, context, input);
      return {
        InstanceTypeOfferings: items.map((o) => ({
          InstanceType: o.type as NonNullable<InstanceTypeInfo["InstanceType"]>,
          LocationType: locationType,
          Location: o.location,
        })),
        ...rest,
      };
    },
  } satisfies Ec2Operations;
}

function locationsOf(type: LocationType, region: string): readonly string[] {
  switch (type) {
    case "region":
      return [region];
    case "availability-zone":
      return zonesOf(region).map((zone) => zone.name);
    case "availability-zone-id":
      return zonesOf(region).map((zone) => zone.id);
    default:
      throw invalidParameter(
        type,
        "locationType",
        "It must be one of region, availability-zone, availability-zone-id.",
      );
  }
}

const isFreeTier = (t: InstanceType): boolean => t.name === "t2.micro" || t.name === "t3.micro";

const showType = (t: InstanceType): InstanceTypeInfo => ({
  InstanceType: t.name as NonNullable<InstanceTypeInfo["InstanceType"]>,
  CurrentGeneration: t.currentGeneration,
  FreeTierEligible: isFreeTier(t),
  SupportedUsageClasses: ["on-demand"],
  SupportedRootDeviceTypes: ["instance-store"],
  SupportedVirtualizationTypes: ["hvm"],
  BareMetal: false,
  Hypervisor: t.hypervisor,
  ProcessorInfo: { SupportedArchitectures: [t.architecture] },
  VCpuInfo: {
    DefaultVCpus: t.vcpus,
    DefaultCores: Math.max(1, t.vcpus / 2),
    DefaultThreadsPerCore: t.vcpus > 1 ? 2 : 1,
  },
  MemoryInfo: { SizeInMiB: t.memoryMiB },
  InstanceStorageSupported: false,
  NetworkInfo: {
    MaximumNetworkInterfaces: t.maximumNetworkInterfaces,
    MaximumNetworkCards: 1,
    DefaultNetworkCardIndex: 0,
    NetworkCards: [{ NetworkCardIndex: 0, MaximumNetworkInterfaces: t.maximumNetworkInterfaces }],
    Ipv4AddressesPerInterface: t.ipv4AddressesPerInterface,
    Ipv6AddressesPerInterface: 0,
    Ipv6Supported: false,
    EfaSupported: false,
  },
  HibernationSupported: false,
  BurstablePerformanceSupported: t.burstable,
  DedicatedHostsSupported: false,
  AutoRecoverySupported: false,
});
