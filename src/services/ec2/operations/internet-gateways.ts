// Internet gateways: by a route to one, whoever has a public address reaches the outside; the way there is the machine's own.
import type { InternetGateway } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { attachGateway, detachGateway, type InternetGatewayRow } from "#domain/ec2/vpc-parts.ts";
import type { Reader } from "#store/store.ts";
import { internetGateways, vpcs } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { hasDependencies, invalidValue } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { inRegion, named, rowOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "Gateways": internet gateways per Region, as many as VPCs. */
const MOST_GATEWAYS = 5;

export function internetGatewayOperations(deps: Ec2Dependencies) {
  const { store, account, random } = deps;
  return {
    async CreateInternetGateway(input, { region }) {
      const tags = readTagSpecifications(input.TagSpecifications, "internet-gateway");
      await ensureDefaultVpc(deps, region);
      const row = await store.transact((tx) => {
        if (inRegion(tx, internetGateways, region).length >= MOST_GATEWAYS) {
          throw new ServiceError(
            "InternetGatewayLimitExceeded",
            "The maximum number of internet gateways has been reached.",
          );
        }
        const made: InternetGatewayRow = { id: newEc2Id("igw", random), region, tags };
        tx.put(internetGateways, ec2Key(region, made.id), made);
        return made;
      });
      return { InternetGateway: show(row, account) };
    },

    async AttachInternetGateway(input, { region }) {
      await store.transact((tx) => {
        const row = gatewayOf(tx, region, input.InternetGatewayId);
        const vpc = rowOf(tx, vpcs, region, "vpc", input.VpcId, "vpcId");
        if (row.vpcId !== undefined) {
          throw new ServiceError(
            "Resource.AlreadyAssociated",
            `resource ${row.id} is already attached to network ${row.vpcId}`,
          );
        }
        if (tx.find(internetGateways, "vpc", vpc.id).length > 0)
          throw invalidValue(`Network ${vpc.id} already has an internet gateway attached`);
        tx.put(internetGateways, ec2Key(region, row.id), attachGateway(row, vpc.id));
      });
      return {};
    },

    async DetachInternetGateway(input, { region }) {
      await store.transact((tx) => {
        const row = gatewayOf(tx, region, input.InternetGatewayId);
        const vpc = rowOf(tx, vpcs, region, "vpc", input.VpcId, "vpcId");
        if (row.vpcId !== vpc.id) {
          throw new ServiceError(
            "Gateway.NotAttached",
            `resource ${row.id} is not attached to network ${vpc.id}`,
          );
        }
        tx.put(internetGateways, ec2Key(region, row.id), detachGateway(row));
      });
      return {};
    },

    async DeleteInternetGateway(input, { region }) {
      await store.transact((tx) => {
        const row = gatewayOf(tx, region, input.InternetGatewayId);
        if (row.vpcId !== undefined) throw hasDependencies("internetGateway", row.id);
        tx.delete(internetGateways, ec2Key(region, row.id));
      });
      return {};
    },

    async DescribeInternetGateways(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = named(store, internetGateways, region, "internet-gateway", input.InternetGatewayIds);
      const rows = filterRows(all, input.Filters, fields(account), (row) => row.tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { InternetGateways: items.map((row) => show(row, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

const gatewayOf = (reader: Reader, region: string, id: string | undefined): InternetGatewayRow =>
  rowOf(reader, internetGateways, region, "internet-gateway", id, "internetGatewayId");

const fields = (account: string): Fields<InternetGatewayRow> => ({
  "internet-gateway-id": (row) => row.id,
  "attachment.vpc-id": (row) => row.vpcId,
  "attachment.state": (row) => (row.vpcId === undefined ? undefined : "available"),
  "owner-id": () => account,
});

const show = (row: InternetGatewayRow, account: string): InternetGateway => ({
  InternetGatewayId: row.id,
  OwnerId: account,
  // The model's enum lacks it; EC2 and its clients have always said "available" here.
  Attachments: row.vpcId === undefined ? [] : [{ VpcId: row.vpcId, State: "available" as "attached" }],
  Tags: showTags(row.tags),
});
