// Where this host is, as its metadata service says; what the task metadata endpoint tells of it.
import type { ImdsClient } from "./imds-client.ts";

export interface HostFacts {
  readonly availabilityZone: string;
  readonly availabilityZoneId?: string;
  readonly vpcId: string;
}

/** @throws when the metadata service does not answer */
export async function readHostFacts(imds: Pick<ImdsClient, "text">): Promise<HostFacts> {
  const mac = await imds.text("meta-data/mac");
  const availabilityZone = await imds.text("meta-data/placement/availability-zone");
  const vpcId = await imds.text(`meta-data/network/interfaces/macs/${mac}/vpc-id`);
  // Not every metadata service has it.
  const availabilityZoneId = await imds
    .text("meta-data/placement/availability-zone-id")
    .catch(() => undefined);
  return { availabilityZone, vpcId, ...(availabilityZoneId === undefined ? {} : { availabilityZoneId }) };
}
