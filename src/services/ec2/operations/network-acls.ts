// The network ACL that comes with a VPC, which lets everything pass; no other can be made. It is no row: the VPC's and its subnets'
// ids say all of it. Terraform reads it with every VPC.
import type { NetworkAcl, NetworkAclEntry } from "@aws-sdk/client-ec2";
import type { SubnetRow, VpcRow } from "#domain/ec2/instance.ts";
import type { Reader } from "#store/store.ts";
import { subnets, vpcs } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, notFound } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { inRegion } from "../lookup.ts";
import { page } from "../paging.ts";

export function networkAclOperations(deps: Ec2Dependencies) {
  const { store, account } = deps;
  return {
    async DescribeNetworkAcls(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = inRegion(store, vpcs, region);
      const ids = input.NetworkAclIds ?? [];
      for (const id of ids)
        if (!all.some((vpc) => aclId(vpc) === checkId("network-acl", id)))
          throw notFound("network-acl", [id]);
      const chosen = ids.length === 0 ? all : all.filter((vpc) => ids.includes(aclId(vpc)));
      const rows = filterRows(chosen, input.Filters, fields(store, account), () => ({}));
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { NetworkAcls: items.map((vpc) => show(store, vpc, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

const aclId = ({ id }: VpcRow) => id.replace("vpc-", "acl-");
const associationId = ({ id }: SubnetRow) => id.replace("subnet-", "aclassoc-");
const subnetsOf = (reader: Reader, { id }: VpcRow) => reader.find(subnets, "vpc", id).map(([, row]) => row);

const fields = (reader: Reader, account: string): Fields<VpcRow> => ({
  "network-acl-id": aclId,
  "vpc-id": (vpc) => vpc.id,
  default: () => true,
  "owner-id": () => account,
  "association.network-acl-id": aclId,
  "association.subnet-id": (vpc) => subnetsOf(reader, vpc).map(({ id }) => id),
  "association.association-id": (vpc) => subnetsOf(reader, vpc).map(associationId),
});

const entries: readonly NetworkAclEntry[] = [true, false].flatMap((Egress) => [
  { Egress, RuleNumber: 100, Protocol: "-1", RuleAction: "allow" as const, CidrBlock: "0.0.0.0/0" },
  { Egress, RuleNumber: 32_767, Protocol: "-1", RuleAction: "deny" as const, CidrBlock: "0.0.0.0/0" },
]);

const show = (reader: Reader, vpc: VpcRow, account: string): NetworkAcl => ({
  NetworkAclId: aclId(vpc),
  VpcId: vpc.id,
  OwnerId: account,
  IsDefault: true,
  Entries: [...entries],
  Associations: subnetsOf(reader, vpc).map((subnet) => ({
    NetworkAclAssociationId: associationId(subnet),
    NetworkAclId: aclId(vpc),
    SubnetId: subnet.id,
  })),
  Tags: [],
});
