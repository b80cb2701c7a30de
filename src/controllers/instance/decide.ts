// What an instance needs next, and what a host is to be made of. Pure.
import type { HostSpec } from "#compute/port.ts";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import { hostSizeFor } from "#domain/ecs/fargate.ts";
import { instanceType } from "#domain/ec2/instance-types.ts";

/**
 * - `launch`: a host must be made, or after a start of the control plane adopted;
 * - `release`: its targets leave the load balancers, then the host is removed;
 * - `nothing`: it runs, or nothing of it is left.
 */
export type InstanceStep = "launch" | "release" | "nothing";

/** `adopted`: this life of the control plane has its host in hand. */
export function decideInstance(row: Pick<InstanceRow, "state">, adopted: boolean): InstanceStep {
  switch (row.state) {
    case "pending":
      return "launch";
    case "running":
      return adopted ? "nothing" : "launch";
    case "shutting-down":
      return "release";
    case "terminated":
      return "nothing";
  }
}

/** Hosts that no instance claims: their row is gone, or says that nothing is left of them. */
export function decideOrphans(
  hosts: readonly string[],
  stateOf: (instanceId: string) => InstanceRow["state"] | undefined,
): readonly string[] {
  return hosts.filter((id) => {
    const state = stateOf(id);
    return state === undefined || state === "terminated";
  });
}

/** @param userData decoded; @param endpoint the control plane as the host reaches it. Undefined: the type is no longer known. */
export function hostSpecOf(row: InstanceRow, userData: string, endpoint: string): HostSpec | undefined {
  const type = row.fargate === undefined ? instanceType(row.instanceType) : hostSizeFor(row.fargate);
  if (type === undefined) return undefined;
  return {
    instanceId: row.id,
    region: row.region,
    availabilityZone: row.availabilityZone,
    instanceType: row.instanceType,
    vcpus: type.vcpus,
    memoryMiB: type.memoryMiB,
    vpcId: row.vpcId,
    privateIp: row.privateIp,
    macAddress: row.macAddress,
    metadataHopLimit: row.metadataOptions.httpPutResponseHopLimit,
    userData,
    endpoint,
    ...(row.joined === undefined ? {} : { joined: row.joined }),
  };
}

/** StateReason's message stays readable in a console and small in the row. */
const LONGEST_REASON = 1000;

/** Why a launch failed, as EC2 states it. */
export const launchFailure = (reason: string): { readonly code: string; readonly message: string } => ({
  code: "Server.InternalError",
  message: `Server.InternalError: ${reason.slice(0, LONGEST_REASON)}`,
});
