// Members of RunInstances that Estiba does not honour: refused by name, unless they ask for what happens anyway.
import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import { notImplemented } from "./errors.ts";

/** The value that changes nothing; `undefined` when every value would. Clients such as Terraform send these defaults. */
const harmless = {
  BlockDeviceMappings: undefined,
  Ipv6AddressCount: "0",
  Ipv6Addresses: undefined,
  KernelId: undefined,
  RamdiskId: undefined,
  Monitoring: '{"Enabled":false}',
  ElasticGpuSpecification: undefined,
  ElasticInferenceAccelerators: undefined,
  LaunchTemplate: undefined,
  CreditSpecification: undefined,
  CpuOptions: undefined,
  CapacityReservationSpecification: '{"CapacityReservationPreference":"open"}',
  HibernationOptions: '{"Configured":false}',
  LicenseSpecifications: undefined,
  EnclaveOptions: '{"Enabled":false}',
  PrivateDnsNameOptions: '{"HostnameType":"ip-name"}',
  MaintenanceOptions: '{"AutoRecovery":"default"}',
  DisableApiStop: "false",
  EnablePrimaryIpv6: "false",
  NetworkPerformanceOptions: '{"BandwidthWeighting":"default"}',
  Operator: undefined,
  SecondaryInterfaces: undefined,
  DisableApiTermination: "false",
  InstanceInitiatedShutdownBehavior: '"stop"',
  AdditionalInfo: undefined,
  NetworkInterfaces: undefined,
  EbsOptimized: "false",
} as const satisfies { readonly [M in keyof RunInstancesRequest]?: string | undefined };

const harmlessPlacement: Readonly<Record<string, string>> = { Tenancy: '"default"', GroupName: '""' };
const harmlessMetadata: Readonly<Record<string, string>> = {
  HttpProtocolIpv6: '"disabled"',
  InstanceMetadataTags: '"disabled"',
};

/** @throws UnsupportedOperation that names the member */
export function refuseWhatIsNotHonoured(input: RunInstancesRequest): void {
  for (const [member, accepted] of Object.entries(harmless)) {
    refuse(member, input[member as keyof typeof harmless], accepted);
  }
  for (const [member, value] of Object.entries(input.Placement ?? {})) {
    if (member !== "AvailabilityZone") refuse(`Placement.${member}`, value, harmlessPlacement[member]);
  }
}

const METADATA_MEMBERS = ["InstanceId", "DryRun", "HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint"];

/** The same for MetadataOptions, there and in ModifyInstanceMetadataOptions. */
export function refuseMetadataOptions(given: object, prefix: string): void {
  for (const [member, value] of Object.entries(given)) {
    if (!METADATA_MEMBERS.includes(member)) refuse(`${prefix}${member}`, value, harmlessMetadata[member]);
  }
}

/** Members that a call has besides those it honours: refused unless they are left out or ask for what happens anyway. */
export function refuseMembers(given: object, accepted: Readonly<Record<string, string>>): void {
  for (const [member, value] of Object.entries(given)) refuse(member, value, accepted[member]);
}

export function refuse(member: string, value: unknown, accepted?: string): void {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
  if (JSON.stringify(value) === accepted) return;
  throw notImplemented(
    accepted === undefined ? `The parameter ${member}` : `${member} other than ${accepted}`,
  );
}
