// Create, describe and delete load balancers; their subnets, security groups and attributes.
import type { CreateLoadBalancerInput } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ServiceError } from "#lib/errors.ts";
import { newElbId } from "#lib/ids.ts";
import { elbNameKey, type LoadBalancerRow } from "#domain/elbv2/load-balancer.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Transaction } from "#store/store.ts";
import { listeners, loadBalancers } from "#store/tables/elbv2.ts";
import { changeAttributes, defaultsOf, loadBalancerAttributes, showAttributes } from "../attributes.ts";
import { checkName, oneOf } from "../constraints.ts";
import type { Elbv2Dependencies, Elbv2Operations } from "../dependencies.ts";
import { invalidConfiguration, loadBalancerNotFound, notImplemented, validationError } from "../errors.ts";
import { findLoadBalancer, loadBalancerOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { showLoadBalancer } from "../show.ts";
import { applyStructural, undoPut } from "../structural.ts";
import { readSecurityGroups, readSubnets, subnetsOfRow, takeAddress } from "../subnets.ts";
import { readTags } from "../tags.ts";
import { ensureLinkedRole } from "../../linked-role.ts";

/** Elastic Load Balancing quotas, "Load balancers": per Region. */
const MOST_LOAD_BALANCERS = 50;

export function loadBalancerOperations(deps: Elbv2Dependencies) {
  const { store } = deps;
  return {
    async CreateLoadBalancer(input, context) {
      checkCreate(input);
      const row = await store.transact((tx) => create(deps, tx, input, context));
      return { LoadBalancers: [showLoadBalancer(row)] };
    },

    DescribeLoadBalancers(input, { region }) {
      const { LoadBalancerArns: arns = [], Names: names = [] } = input;
      if (arns.length > 0 && names.length > 0)
        throw validationError(
          "Load balancer names and load balancer ARNs cannot be specified at the same time",
        );
      if (arns.length > 20 || names.length > 20)
        throw validationError("Up to 20 load balancers can be described in a single call");
      const rows =
        arns.length > 0
          ? arns.map((arn) => loadBalancerOf(store, region, arn))
          : names.length > 0
            ? names.map((name) => byName(name, region))
            : Array.from(store.scan(loadBalancers, { prefix: `${region}/` }), ([, row]) => row);
      const { items, nextMarker } = page(rows, (r) => r.name, ["lb", region, arns, names], input);
      return {
        LoadBalancers: items.map(showLoadBalancer),
        ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      };
    },

    /** Deleting what is gone succeeds, as on AWS. Its address is free once the proxy has let go of it. */
    async DeleteLoadBalancer(input, { region }) {
      const gone = await store.transact((tx) => {
        const row = findLoadBalancer(tx, region, input.LoadBalancerArn);
        if (row === undefined) return undefined;
        if (row.attributes["deletion_protection.enabled"] === "true") {
          throw new ServiceError(
            "OperationNotPermitted",
            `Load balancer '${row.arn}' cannot be deleted because deletion protection is enabled`,
          );
        }
        for (const [key] of tx.find(listeners, "loadBalancer", row.arn)) tx.delete(listeners, key);
        tx.delete(loadBalancers, elbNameKey(region, row.name));
        return row;
      });
      if (gone !== undefined) await deps.proxy.settled(gone.vpcId);
      return {};
    },

    async SetSubnets(input, { region }) {
      const row = await change(deps, region, input.LoadBalancerArn, (tx, before) => {
        if (input.IpAddressType !== undefined && input.IpAddressType !== "ipv4")
          throw notImplemented(`IpAddressType '${input.IpAddressType}'`);
        const rows = readSubnets(tx, region, input);
        if (rows[0]?.vpcId !== before.vpcId)
          throw invalidConfiguration("Subnets must belong to the load balancer's VPC");
        return { ...before, subnets: subnetsOfRow(rows) };
      });
      return { AvailabilityZones: showLoadBalancer(row).AvailabilityZones ?? [], IpAddressType: "ipv4" };
    },

    async SetSecurityGroups(input, { region }) {
      const row = await change(deps, region, input.LoadBalancerArn, (tx, before) => {
        if ((input.SecurityGroups ?? []).length === 0)
          throw validationError("At least one security group must be specified");
        return {
          ...before,
          securityGroupIds: readSecurityGroups(tx, region, before.vpcId, input.SecurityGroups),
        };
      });
      return { SecurityGroupIds: [...row.securityGroupIds] };
    },

    DescribeLoadBalancerAttributes: (input, { region }) => ({
      Attributes: showAttributes(loadBalancerOf(store, region, input.LoadBalancerArn).attributes),
    }),

    async ModifyLoadBalancerAttributes(input, { region }) {
      const row = await change(deps, region, input.LoadBalancerArn, (_tx, before) => ({
        ...before,
        attributes: changeAttributes(
          "Load balancer",
          loadBalancerAttributes,
          before.attributes,
          input.Attributes ?? [],
        ),
      }));
      return { Attributes: showAttributes(row.attributes) };
    },
  } satisfies Elbv2Operations;

  function byName(name: string, region: string): LoadBalancerRow {
    const row = store.get(loadBalancers, elbNameKey(region, name));
    if (row === undefined) throw loadBalancerNotFound(`Load balancers '[${name}]' not found`);
    return row;
  }
}

function checkCreate(input: CreateLoadBalancerInput): void {
  checkName("The load balancer", input.Name ?? "");
  if (input.Name?.startsWith("internal-"))
    throw validationError(`The load balancer name '${input.Name}' cannot begin with 'internal-'`);
  const type = oneOf(input.Type ?? "application", "type", ["application", "network", "gateway"]);
  // HAProxy cannot preserve client addresses, which instance targets of a network load balancer rely on.
  if (type !== "application") throw notImplemented(`Load balancer type '${type}'`);
  oneOf(input.Scheme ?? "internet-facing", "scheme", ["internet-facing", "internal"]);
  if (input.IpAddressType !== undefined && input.IpAddressType !== "ipv4")
    throw notImplemented(`IpAddressType '${input.IpAddressType}'`);
  for (const member of ["CustomerOwnedIpv4Pool", "EnablePrefixForIpv6SourceNat", "IpamPools"] as const)
    if (input[member] !== undefined) throw notImplemented(member);
}

function create(
  { clock, random, account }: Elbv2Dependencies,
  tx: Transaction,
  input: CreateLoadBalancerInput,
  context: RequestContext,
): LoadBalancerRow {
  const { region } = context;
  const name = input.Name ?? "";
  const subnetRows = readSubnets(tx, region, input);
  const first = subnetRows[0];
  if (first === undefined) throw validationError("At least one subnet must be specified");
  const id = newElbId(random);
  const arn = `arn:aws:elasticloadbalancing:${region}:${account}:loadbalancer/app/${name}/${id}`;
  const settings = {
    scheme: input.Scheme === "internal" ? ("internal" as const) : ("internet-facing" as const),
    subnets: subnetsOfRow(subnetRows),
    securityGroupIds: readSecurityGroups(tx, region, first.vpcId, input.SecurityGroups),
    tags: readTags(input.Tags),
  };
  const existing = tx.get(loadBalancers, elbNameKey(region, name));
  if (existing !== undefined) {
    if (sameSettings(existing, settings)) return existing;
    throw new ServiceError(
      "DuplicateLoadBalancerName",
      `A load balancer with the same name '${name}' exists, but with different settings`,
    );
  }
  if (Array.from(tx.scan(loadBalancers, { prefix: `${region}/` })).length >= MOST_LOAD_BALANCERS) {
    throw new ServiceError(
      "TooManyLoadBalancers",
      "The maximum number of load balancers has been reached for this Region",
    );
  }
  const row: LoadBalancerRow = {
    arn,
    id,
    region,
    name,
    type: "application",
    state: "provisioning",
    vpcId: first.vpcId,
    dnsName: `${name}-${id}.${region}.elb.estiba.internal`,
    address: takeAddress(tx, first, arn),
    attributes: defaultsOf(loadBalancerAttributes),
    createdAt: clock.now(),
    ...settings,
  };
  tx.put(loadBalancers, elbNameKey(region, name), row);
  // That the caller may was judged with the call.
  ensureLinkedRole(tx, context, { service: "elasticloadbalancing.amazonaws.com", random, now: clock.now() });
  return row;
}

type Settings = Pick<LoadBalancerRow, "scheme" | "subnets" | "securityGroupIds" | "tags">;

const sameSettings = (a: Settings, b: Settings): boolean => canonical(a) === canonical(b);

const canonical = ({ scheme, subnets, securityGroupIds, tags }: Settings): string =>
  JSON.stringify([
    scheme,
    subnets.map((s) => s.subnetId).sort(),
    [...securityGroupIds].sort(),
    Object.entries(tags).sort(([x], [y]) => (x < y ? -1 : 1)),
  ]);

function change(
  deps: Elbv2Dependencies,
  region: string,
  arn: string | undefined,
  next: (tx: Transaction, before: LoadBalancerRow) => LoadBalancerRow,
): Promise<LoadBalancerRow> {
  return applyStructural(deps, (tx) => {
    const before = loadBalancerOf(tx, region, arn);
    const after = next(tx, before);
    const key = elbNameKey(region, before.name);
    tx.put(loadBalancers, key, after);
    return { result: after, vpcId: after.vpcId, undo: undoPut(loadBalancers, key, before, after) };
  });
}
