// A task's network interface as its agent hears of it: the attachment's part in the task's row, the network's in EC2's rows.
import type { WireNetworkInterface } from "#acs/messages.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { formatIpv4, parseBlock } from "#domain/ec2/ipv4.ts";
import { internalDomain } from "#domain/ec2/network-interface.ts";
import { attachmentArn, ecsResourceOf } from "#domain/ecs/arns.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { Reader } from "#store/store.ts";
import { subnets, vpcs } from "#store/tables/ec2.ts";

/** Empty for a task without one, and for one whose network is gone. */
export function interfacesOf(rows: Reader, task: TaskRow): readonly WireNetworkInterface[] {
  const { attachment, region } = task;
  if (attachment === undefined) return [];
  const subnet = rows.get(subnets, ec2Key(region, attachment.subnetId));
  const subnetBlock = parseBlock(subnet?.cidrBlock ?? "");
  const vpcBlock = parseBlock(rows.get(vpcs, ec2Key(region, subnet?.vpcId ?? ""))?.cidrBlock ?? "");
  if (subnetBlock === undefined || vpcBlock === undefined) return [];
  return [
    {
      attachmentArn: attachmentArn(region, ecsResourceOf(task.arn)?.account ?? "", attachment.id),
      macAddress: attachment.macAddress,
      ec2Id: attachment.networkInterfaceId,
      ipv4Addresses: [{ privateAddress: attachment.privateIp, primary: true }],
      // VPC User Guide, "Subnet CIDR blocks": .1 is the router; the VPC's base plus two is the resolver.
      subnetGatewayIpv4Address: `${formatIpv4(subnetBlock.base + 1)}/${subnetBlock.prefix}`,
      domainName: [internalDomain(region)],
      domainNameServers: [formatIpv4(vpcBlock.base + 2)],
      privateDnsName: attachment.privateDnsName,
      index: 0,
    },
  ];
}
