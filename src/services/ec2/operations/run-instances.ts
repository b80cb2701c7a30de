// RunInstances: rows in state pending, in one transaction. The instance controller makes hosts of them.
import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id, newMacAddress } from "#lib/ids.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { Transaction } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { invalidCombination } from "../errors.ts";
import { type LaunchRequest, readLaunchRequest } from "../launch-request.ts";
import { readInstanceProfile, readSecurityGroups, readSubnet, takeAddress } from "../placement.ts";
import { showReservations } from "../show-instance.ts";

export function runInstancesOperation(deps: Ec2Dependencies) {
  return {
    async RunInstances(input, { region }) {
      const [reservation] = showReservations(deps.store, await launchInstances(deps, region, input));
      return reservation ?? {};
    },
  } satisfies Ec2Operations;
}

/** Instances whose hosts are other machines: what their rows hold beyond what was asked for, and what is written with them. */
export interface JoiningInstances {
  readonly joined: NonNullable<InstanceRow["joined"]>;
  readonly alongside: (tx: Transaction, rows: readonly InstanceRow[]) => void;
}

/** The instances' rows, pending. @throws ServiceError */
export async function launchInstances(
  deps: Ec2Dependencies,
  region: string,
  input: RunInstancesRequest,
  joining?: JoiningInstances,
): Promise<readonly InstanceRow[]> {
  const request = readLaunchRequest(input);
  await ensureDefaultVpc(deps, region);
  return deps.store.transact(
    (tx) => launchedBefore(tx, region, request) ?? launch(deps, tx, region, input, request, joining),
  );
}

/** The instances that the same client token launched. @throws IdempotentParameterMismatch */
function launchedBefore(
  tx: Transaction,
  region: string,
  { clientToken, digest }: LaunchRequest,
): readonly InstanceRow[] | undefined {
  if (clientToken === undefined) return undefined;
  const rows = tx.find(instances, "clientToken", `${region}/${clientToken}`).map(([, row]) => row);
  if (rows.length === 0) return undefined;
  if (rows.every((row) => row.clientRequest === digest)) return rows;
  throw new ServiceError(
    "IdempotentParameterMismatch",
    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
  );
}

function launch(
  { clock, random, account }: Ec2Dependencies,
  tx: Transaction,
  region: string,
  input: RunInstancesRequest,
  request: LaunchRequest,
  joining: JoiningInstances | undefined,
): readonly InstanceRow[] {
  const subnet = readSubnet(tx, region, input);
  const securityGroupIds = readSecurityGroups(tx, region, subnet, input);
  const instanceProfileArn = readInstanceProfile(tx, input.IamInstanceProfile);
  if (input.PrivateIpAddress !== undefined && request.maximum > 1)
    throw invalidCombination("The parameter privateIpAddress cannot be used with more than one instance");
  const reservationId = newEc2Id("r", random);
  const rows: InstanceRow[] = [];
  while (rows.length < request.maximum) {
    const id = newEc2Id("i", random);
    const privateIp = takeAddress(tx, subnet, id, input.PrivateIpAddress);
    if (privateIp === undefined) break;
    rows.push({
      id,
      region,
      reservationId,
      ownerId: account,
      imageId: request.imageId,
      instanceType: request.type.name,
      state: "pending",
      launchTime: Math.floor(clock.now() / 1000) * 1000,
      launchIndex: rows.length,
      availabilityZone: subnet.availabilityZone,
      vpcId: subnet.vpcId,
      subnetId: subnet.id,
      privateIp,
      macAddress: newMacAddress(random),
      networkInterfaceId: newEc2Id("eni", random),
      securityGroupIds,
      hasPublicAddress: subnet.mapPublicIpOnLaunch,
      ...(instanceProfileArn === undefined ? {} : { instanceProfileArn }),
      ...(request.userData === undefined ? {} : { userData: request.userData }),
      metadataOptions: request.metadataOptions,
      ...(joining === undefined ? {} : { joined: joining.joined }),
      ...(request.isSpot ? { spot: { requestId: newEc2Id("sir", random) } } : {}),
      ...(request.clientToken === undefined
        ? {}
        : { clientToken: request.clientToken, clientRequest: request.digest }),
      tags: request.tags,
    });
  }
  if (rows.length < request.minimum) {
    throw new ServiceError(
      "InsufficientFreeAddressesInSubnet",
      `There are not enough free addresses in subnet '${subnet.id}' to satisfy the requested number of instances.`,
    );
  }
  for (const row of rows) tx.put(instances, ec2Key(region, row.id), row);
  joining?.alongside(tx, rows);
  return rows;
}
