// Create, describe, modify and delete target groups; their attributes.
import type { CreateTargetGroupInput } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ServiceError } from "#lib/errors.ts";
import { newElbId } from "#lib/ids.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { elbNameKey, type TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import type { Transaction } from "#store/store.ts";
import { vpcs } from "#store/tables/ec2.ts";
import { listeners, loadBalancers, targetGroups, targets } from "#store/tables/elbv2.ts";
import { changeAttributes, defaultsOf, showAttributes, targetGroupAttributes } from "../attributes.ts";
import { checkName, inRange, oneOf } from "../constraints.ts";
import type { Elbv2Dependencies, Elbv2Operations } from "../dependencies.ts";
import { notImplemented, targetGroupNotFound, validationError } from "../errors.ts";
import { changeHealthCheck, defaultHealthCheck } from "../health-check.ts";
import { findTargetGroup, loadBalancerOf, loadBalancersInFront, targetGroupOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { showTargetGroup } from "../show.ts";
import { applyStructural, undoPut } from "../structural.ts";
import { readTags } from "../tags.ts";

/** Application Load Balancer quotas, "Target Groups per Region". */
const MOST_TARGET_GROUPS = 3000;
/** Rows of one transaction, with room for the group itself. */
const BATCH = 90;

export function targetGroupOperations(deps: Elbv2Dependencies) {
  const { store } = deps;
  const show = (row: TargetGroupRow) => showTargetGroup(row, loadBalancersInFront(store, row.arn));
  return {
    async CreateTargetGroup(input, { region }) {
      checkCreate(input);
      const row = await store.transact((tx) => create(deps, tx, input, region));
      return { TargetGroups: [show(row)] };
    },

    DescribeTargetGroups(input, { region }) {
      const { LoadBalancerArn: inFront, TargetGroupArns: arns = [], Names: names = [] } = input;
      if ([inFront !== undefined, arns.length > 0, names.length > 0].filter(Boolean).length > 1) {
        throw validationError(
          "Target group names, target group ARNs and a load balancer ARN cannot be specified at the same time",
        );
      }
      const { items, nextMarker } = page(
        find(region, inFront, arns, names),
        (r) => r.name,
        ["tg", region, inFront, arns, names],
        input,
      );
      return {
        TargetGroups: items.map(show),
        ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      };
    },

    async ModifyTargetGroup(input, { region }) {
      const row = await change(region, input.TargetGroupArn, (before) => ({
        ...before,
        healthCheck: changeHealthCheck(before.healthCheck, input),
      }));
      return { TargetGroups: [show(row)] };
    },

    DescribeTargetGroupAttributes: (input, { region }) => ({
      Attributes: showAttributes(targetGroupOf(store, region, input.TargetGroupArn).attributes),
    }),

    async ModifyTargetGroupAttributes(input, { region }) {
      const row = await change(region, input.TargetGroupArn, (before) => ({
        ...before,
        attributes: changeAttributes(
          "Target group",
          targetGroupAttributes,
          before.attributes,
          input.Attributes ?? [],
        ),
      }));
      return { Attributes: showAttributes(row.attributes) };
    },

    /** Deleting what is gone succeeds, as on AWS. */
    async DeleteTargetGroup(input, { region }) {
      for (;;) {
        const done = await store.transact((tx) => {
          const row = findTargetGroup(tx, region, input.TargetGroupArn);
          if (row === undefined) return true;
          if (tx.find(listeners, "targetGroup", row.arn).length > 0) {
            throw new ServiceError(
              "ResourceInUse",
              `Target group '${row.arn}' is currently in use by a listener or a rule`,
            );
          }
          const registered = tx.find(targets, "targetGroup", row.arn);
          for (const [key] of registered.slice(0, BATCH)) tx.delete(targets, key);
          if (registered.length > BATCH) return false;
          tx.delete(targetGroups, elbNameKey(region, row.name));
          return true;
        });
        if (done) return {};
      }
    },
  } satisfies Elbv2Operations;

  function find(
    region: string,
    inFront: string | undefined,
    arns: readonly string[],
    names: readonly string[],
  ): readonly TargetGroupRow[] {
    if (arns.length > 0) return arns.map((arn) => targetGroupOf(store, region, arn));
    if (names.length > 0) {
      return names.map((name) => {
        const row = store.get(targetGroups, elbNameKey(region, name));
        if (row === undefined) throw targetGroupNotFound();
        return row;
      });
    }
    const all = Array.from(store.scan(targetGroups, { prefix: `${region}/` }), ([, row]) => row);
    if (inFront === undefined) return all;
    const { arn } = loadBalancerOf(store, region, inFront);
    return all.filter((row) => loadBalancersInFront(store, row.arn).includes(arn));
  }

  function change(
    region: string,
    arn: string | undefined,
    next: (before: TargetGroupRow) => TargetGroupRow,
  ): Promise<TargetGroupRow> {
    return applyStructural(deps, (tx) => {
      const before = targetGroupOf(tx, region, arn);
      const after = next(before);
      const key = elbNameKey(region, before.name);
      tx.put(targetGroups, key, after);
      const [front] = loadBalancersInFront(tx, before.arn);
      const proxied = front !== undefined && tx.find(loadBalancers, "arn", front).length > 0;
      return {
        result: after,
        ...(proxied ? { vpcId: before.vpcId, undo: undoPut(targetGroups, key, before, after) } : {}),
      };
    });
  }
}

function checkCreate(input: CreateTargetGroupInput): void {
  checkName("Target group", input.Name ?? "");
  const type = oneOf(input.TargetType ?? "instance", "targetType", ["instance", "ip", "lambda", "alb"]);
  if (type !== "instance" && type !== "ip") throw notImplemented(`Target type '${type}'`);
  if (input.Protocol === undefined) throw validationError("A protocol must be specified");
  if (input.Protocol !== "HTTP") throw notImplemented(`Target group protocol '${input.Protocol}'`);
  if (input.ProtocolVersion !== undefined && input.ProtocolVersion !== "HTTP1")
    throw notImplemented(`ProtocolVersion '${input.ProtocolVersion}'`);
  if (input.IpAddressType !== undefined && input.IpAddressType !== "ipv4")
    throw notImplemented(`IpAddressType '${input.IpAddressType}'`);
  if (input.TargetControlPort !== undefined) throw notImplemented("TargetControlPort");
  if (input.Port === undefined) throw validationError("A port must be specified");
  inRange(input.Port, "port", 1, 65_535);
  if (input.VpcId === undefined) throw validationError("A VPC ID must be specified");
}

function create(
  { clock, random, account }: Elbv2Dependencies,
  tx: Transaction,
  input: CreateTargetGroupInput,
  region: string,
): TargetGroupRow {
  const name = input.Name ?? "";
  const vpcId = input.VpcId ?? "";
  if (tx.get(vpcs, ec2Key(region, vpcId)) === undefined)
    throw validationError(`The VPC ID '${vpcId}' is not found`);
  const id = newElbId(random);
  const row: TargetGroupRow = {
    arn: `arn:aws:elasticloadbalancing:${region}:${account}:targetgroup/${name}/${id}`,
    id,
    region,
    name,
    protocol: "HTTP",
    protocolVersion: "HTTP1",
    port: input.Port ?? 0,
    vpcId,
    targetType: input.TargetType === "ip" ? "ip" : "instance",
    ipAddressType: "ipv4",
    healthCheck: changeHealthCheck(defaultHealthCheck, input),
    attributes: defaultsOf(targetGroupAttributes),
    createdAt: clock.now(),
    tags: readTags(input.Tags),
  };
  const existing = tx.get(targetGroups, elbNameKey(region, name));
  if (existing !== undefined) {
    if (settingsOf(existing) === settingsOf(row)) return existing;
    throw new ServiceError(
      "DuplicateTargetGroupName",
      `A target group with the same name '${name}' exists, but with different settings`,
    );
  }
  if (Array.from(tx.scan(targetGroups, { prefix: `${region}/` })).length >= MOST_TARGET_GROUPS) {
    throw new ServiceError(
      "TooManyTargetGroups",
      "The maximum number of target groups has been reached for this Region",
    );
  }
  tx.put(targetGroups, elbNameKey(region, name), row);
  return row;
}

const settingsOf = ({ protocol, port, vpcId, targetType, healthCheck, tags }: TargetGroupRow): string =>
  JSON.stringify([
    protocol,
    port,
    vpcId,
    targetType,
    Object.entries(healthCheck).sort(),
    Object.entries(tags).sort(),
  ]);
