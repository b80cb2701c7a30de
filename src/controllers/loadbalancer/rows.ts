// What the load-balancer controller reads and writes: the rows of a VPC, and the transitions that a proxy's news make.
import type { ProxyEvent } from "#loadbalancer/port.ts";
import {
  elbNameKey,
  loadBalancerActive,
  type LoadBalancerRow,
  type TargetGroupRow,
} from "#domain/elbv2/load-balancer.ts";
import {
  forgetTargetHealth,
  isDrained,
  removeTarget,
  reportTargetHealth,
  targetIdle,
  targetRowKey,
  type TargetRow,
} from "#domain/elbv2/target.ts";
import type { Reader, Store, Transaction } from "#store/store.ts";
import { addresses, subnets } from "#store/tables/ec2.ts";
import { listeners, loadBalancers, targetGroups, targets } from "#store/tables/elbv2.ts";
import type { VpcRows } from "./decide.ts";

/** Rows of one transaction. */
const BATCH = 90;

const rowsOf = <R>(found: readonly (readonly [string, R])[]): R[] => found.map(([, row]) => row);

export function readVpc(reader: Reader, vpcId: string): VpcRows {
  const own = rowsOf(reader.find(loadBalancers, "vpc", vpcId));
  return {
    loadBalancers: own,
    listeners: own.flatMap((lb) => rowsOf(reader.find(listeners, "loadBalancer", lb.arn))),
    targetGroups: rowsOf(reader.find(targetGroups, "vpc", vpcId)),
  };
}

export function findGroup(reader: Reader, groupId: string): TargetGroupRow | undefined {
  return reader.find(targetGroups, "id", groupId)[0]?.[1];
}

export function targetsOf(reader: Reader, group: TargetGroupRow): readonly TargetRow[] {
  return rowsOf(reader.find(targets, "targetGroup", group.arn));
}

export function inFrontOf(reader: Reader, group: TargetGroupRow): readonly LoadBalancerRow[] {
  const arns = new Set(
    rowsOf(reader.find(listeners, "targetGroup", group.arn)).map((row) => row.loadBalancerArn),
  );
  return [...arns].flatMap((arn) => rowsOf(reader.find(loadBalancers, "arn", arn)));
}

/** The proxy has them: those still provisioning are active. */
export async function activate(store: Store, rows: readonly LoadBalancerRow[]): Promise<void> {
  for (const { region, name, state } of rows) {
    if (state !== "provisioning") continue;
    await store.transact((tx) => {
      const key = elbNameKey(region, name);
      const row = tx.get(loadBalancers, key);
      if (row?.state === "provisioning") tx.put(loadBalancers, key, loadBalancerActive(row));
    });
  }
}

/** Addresses of load balancers that are no more: kept until the proxy has let go of them. */
export function leftoverAddresses(reader: Reader, vpcId: string): readonly (readonly [string, string])[] {
  return reader
    .find(subnets, "vpc", vpcId)
    .flatMap(([, subnet]) => [...reader.scan(addresses, { prefix: `${subnet.id}/` })])
    .filter(
      ([, row]) =>
        row.owner.startsWith("arn:aws:elasticloadbalancing:") &&
        reader.find(loadBalancers, "arn", row.owner).length === 0,
    )
    .map(([key, row]) => [key, row.address]);
}

/** VPCs with load balancers, or with addresses that dead ones left. */
export function vpcsToServe(reader: Reader): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, row] of reader.scan(loadBalancers)) found.add(row.vpcId);
  for (const [, { vpcId }] of reader.scan(subnets))
    if (!found.has(vpcId) && leftoverAddresses(reader, vpcId).length > 0) found.add(vpcId);
  return found;
}

/** A proxy's news as a transition; no write when it is none. */
export function applyEvent(
  tx: Transaction,
  event: ProxyEvent,
  node: string,
  nodes: readonly string[],
  now: number,
): void {
  const key = targetRowKey(event.targetGroupId, event.key);
  const before = tx.get(targets, key);
  if (before === undefined) return;
  const after = next(before, event, node, nodes, now);
  if (after !== before) tx.put(targets, key, after);
}

function next(
  before: TargetRow,
  event: ProxyEvent,
  node: string,
  nodes: readonly string[],
  now: number,
): TargetRow {
  switch (event.type) {
    case "healthy":
      return reportTargetHealth(before, node, { state: "healthy" });
    case "unhealthy":
      return reportTargetHealth(before, node, {
        state: "unhealthy",
        reason: event.reason,
        description: event.description,
      });
    case "idle": {
      const idle = targetIdle(before, node);
      return idle.lifecycle === "draining" && isDrained(idle, nodes, now) ? removeTarget(idle, 0, now) : idle;
    }
  }
}

/** Draining is over: out of the proxies. */
export async function removeExpired(store: Store, keys: readonly string[], now: number): Promise<void> {
  for (let at = 0; at < keys.length; at += BATCH) {
    await store.transact((tx) => {
      for (const key of keys.slice(at, at + BATCH)) {
        const row = tx.get(targets, key);
        if (row?.lifecycle === "draining" && now >= (row.drainingUntil ?? 0))
          tx.put(targets, key, removeTarget(row, 0, now));
      }
    });
  }
}

/** This node checks these targets no longer: what it thought of them is worth nothing when it begins again. */
export async function forgetHealth(
  store: Store,
  forgotten: (reader: Reader) => readonly TargetRow[],
  node: string,
): Promise<void> {
  for (;;) {
    const more = await store.transact((tx) => {
      const stale = forgotten(tx).filter((row) => node in row.health);
      for (const row of stale.slice(0, BATCH))
        tx.put(targets, targetRowKey(row.targetGroupId, row.key), forgetTargetHealth(row, node));
      return stale.length > BATCH;
    });
    if (!more) return;
  }
}
