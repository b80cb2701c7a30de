// The network interface of a new awsvpc task: its address, its row and what the task's row tells of it, all in the transaction
// that makes the task, so that neither is ever without the other. The host's side follows by watch.
import { newEc2Id, newMacAddress } from "#lib/ids.ts";
import type { Random } from "#lib/random.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import { firstFree } from "#domain/ec2/ipv4.ts";
import {
  freeDeviceIndex,
  type NetworkInterfaceRow,
  privateDnsNameOf,
} from "#domain/ec2/network-interface.ts";
import { attachmentArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { AwsvpcConfiguration } from "#domain/ecs/service.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { addresses, networkInterfaces, subnets } from "#store/tables/ec2.ts";

/** How long the interface may take to be confirmed by the agent before the task fails. */
const ATTACH_TIMEOUT_MS = 3 * 60_000;

/** @param task without an interface, PENDING. Answers it PROVISIONING, or why it can have none in the instance's zone. */
export function newInterface(
  tx: Transaction,
  task: TaskRow,
  network: AwsvpcConfiguration,
  instance: Pick<ContainerInstanceRow, "availabilityZone" | "ec2InstanceId">,
  account: string,
  random: Random,
  now: number,
  timeoutMs = ATTACH_TIMEOUT_MS,
): { readonly task: TaskRow } | { readonly exhausted: string } {
  const { region } = task;
  const inZone = network.subnetIds
    .map((id) => tx.get(subnets, ec2Key(region, id)))
    .filter((s): s is SubnetRow => s?.availabilityZone === instance.availabilityZone);
  const id = newEc2Id("eni", random);
  const place = findAddress(tx, inZone);
  if (place === undefined) {
    const names = inZone.map((s) => `'${s.id}'`).join(", ");
    return { exhausted: `There are not enough free addresses in subnet ${names}.` };
  }
  const { address, subnet } = place;
  tx.put(addresses, `${subnet.id}/${address}`, { subnetId: subnet.id, address, owner: id });
  const instanceId = instance.ec2InstanceId ?? "";
  const others = tx.find(networkInterfaces, "instance", instanceId).map(([, row]) => row.deviceIndex);
  const uuid = random.uuid();
  const row: NetworkInterfaceRow = {
    id,
    region,
    ownerId: account,
    vpcId: place.subnet.vpcId,
    subnetId: place.subnet.id,
    availabilityZone: place.subnet.availabilityZone,
    privateIp: place.address,
    macAddress: newMacAddress(random),
    securityGroupIds: network.securityGroupIds,
    description: attachmentArn(region, account, uuid),
    status: "attaching",
    attachmentId: newEc2Id("eni-attach", random),
    instanceId,
    deviceIndex: freeDeviceIndex(others),
    attachTime: now,
    ...(network.assignPublicIp === "ENABLED" ? { hasPublicAddress: true } : {}),
    taskKey: taskKey(region, task.clusterName, task.id),
    tags: {},
  };
  tx.put(networkInterfaces, ec2Key(region, id), row);
  return {
    task: {
      ...task,
      lastStatus: "PROVISIONING",
      attachment: {
        id: uuid,
        status: "PRECREATED",
        subnetId: row.subnetId,
        networkInterfaceId: id,
        macAddress: row.macAddress,
        privateDnsName: privateDnsNameOf(row.privateIp, region),
        privateIp: row.privateIp,
        attachBy: now + timeoutMs,
      },
    },
  };
}

/** The lowest free address of the first subnet that has one. */
export function findAddress(
  tx: Reader,
  candidates: readonly SubnetRow[],
): { readonly subnet: SubnetRow; readonly address: string } | undefined {
  for (const subnet of candidates) {
    const taken = new Set(
      Array.from(tx.scan(addresses, { prefix: `${subnet.id}/` }), ([, row]) => row.address),
    );
    const address = firstFree(subnet.cidrBlock, taken);
    if (address !== undefined) return { subnet, address };
  }
  return undefined;
}
