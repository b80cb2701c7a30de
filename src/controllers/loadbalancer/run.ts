// Follows load balancers, listeners, groups and targets, and keeps each VPC's proxy to them. What goes where is decided in
// decide.ts, how a proxy is brought there in vpc-proxy.ts.
import type { Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { ProxyReady } from "#domain/ports/proxy-ready.ts";
import { isChangeOf, type Change, type Watch } from "#store/store.ts";
import { vpcs } from "#store/tables/ec2.ts";
import { listeners, loadBalancers, targetGroups, targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { findGroup, removeExpired, vpcsToServe } from "./rows.ts";
import { VpcProxy, type VpcProxyDependencies } from "./vpc-proxy.ts";

/** Longer than a reload takes; a client that waits longer gave up. */
const SETTLE_WITHIN_MS = 10_000;

export type LoadBalancerControllerDependencies = VpcProxyDependencies;

export function createLoadBalancerController(
  deps: LoadBalancerControllerDependencies,
): Controller & ProxyReady {
  const { store, clock, logger, nodeId } = deps;
  const proxies = new Map<string, VpcProxy>();
  /** `region/name` of each load balancer → its VPC, for rows that are gone. */
  const vpcOf = new Map<string, string>();
  /** Draining targets → the end of their delay. */
  const deadlines = new Map<string, number>();
  let timer: Timer | undefined;
  let watch: Watch | undefined;
  let closed = false;

  const proxyFor = (vpcId: string): VpcProxy => {
    const known = proxies.get(vpcId);
    if (known !== undefined) return known;
    const made = new VpcProxy(vpcId, deps);
    proxies.set(vpcId, made);
    return made;
  };

  const take = (change: Change): void => {
    if (isChangeOf(change, loadBalancers)) {
      const vpcId = change.row?.vpcId ?? vpcOf.get(change.key);
      if (vpcId === undefined) return;
      if (change.row === undefined) vpcOf.delete(change.key);
      else vpcOf.set(change.key, vpcId);
      proxyFor(vpcId).markStructure();
    } else if (isChangeOf(change, listeners)) {
      const vpcId = vpcOf.get(change.key.slice(0, change.key.lastIndexOf("/")));
      if (vpcId !== undefined) proxyFor(vpcId).markStructure();
    } else if (isChangeOf(change, targetGroups)) {
      if (change.row !== undefined) proxies.get(change.row.vpcId)?.markStructure();
    } else if (isChangeOf(change, targets)) {
      const row = change.row;
      if (row?.lifecycle === "draining" && row.drainingUntil !== undefined)
        deadlines.set(change.key, row.drainingUntil);
      else deadlines.delete(change.key);
      const groupId = change.key.slice(0, change.key.indexOf("/"));
      const vpcId = findGroup(store, groupId)?.vpcId;
      if (vpcId !== undefined) proxies.get(vpcId)?.markTargets(groupId);
    } else if (isChangeOf(change, vpcs) && change.row === undefined) {
      forget(change.key.slice(change.key.indexOf("/") + 1));
    }
  };

  /** The VPC is gone with all its load balancers; its proxy ends with its network. */
  const forget = (vpcId: string): void => {
    const proxy = proxies.get(vpcId);
    proxies.delete(vpcId);
    proxy?.close().catch((error: unknown) =>
      logger.warn("the proxy of a VPC that is no more could not be left", {
        vpcId,
        reason: messageOf(error),
      }),
    );
  };

  const pump = (): void => {
    if (closed) return;
    // Load balancers first: listeners find their VPC by them.
    const changes = watch?.take() ?? [];
    for (const change of changes)
      if (isChangeOf(change, loadBalancers) && change.row !== undefined) take(change);
    for (const change of changes) if (!isChangeOf(change, loadBalancers)) take(change);
    for (const change of changes)
      if (isChangeOf(change, loadBalancers) && change.row === undefined) take(change);
    schedule();
  };

  const schedule = (): void => {
    timer?.cancel();
    timer = undefined;
    if (deadlines.size === 0) return;
    const next = [...deadlines.values()].reduce((a, b) => Math.min(a, b));
    timer = clock.after(Math.max(0, next - clock.now()), () => {
      const due = [...deadlines].filter(([, at]) => at <= clock.now()).map(([key]) => key);
      for (const key of due) deadlines.delete(key);
      removeExpired(store, due, clock.now()).catch((error: unknown) =>
        logger.error("drained targets could not be removed", { reason: messageOf(error) }),
      );
      schedule();
    });
  };

  return {
    nodes: () => [nodeId],

    async settled(vpcId) {
      pump();
      await proxies.get(vpcId)?.settled(SETTLE_WITHIN_MS);
    },

    async start() {
      watch = store.snapshotAndWatch([loadBalancers, listeners, targetGroups, targets, vpcs], {
        notify: pump,
      });
      pump();
      // Also what a dead process did not finish: addresses of load balancers that are no more.
      for (const vpcId of vpcsToServe(store)) proxyFor(vpcId).markStructure();
    },

    async close() {
      closed = true;
      watch?.close();
      timer?.cancel();
      await Promise.all(Array.from(proxies.values(), (proxy) => proxy.close()));
    },
  };
}
