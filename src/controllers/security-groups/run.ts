// Follows security groups, whoever is in them, and the routes of their subnets, and tells each VPC's network who may reach whom; removes the networks of VPCs
// that are no more. What the rules are is decided in decide.ts. A VPC that nobody is in yet has no network to tell.
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { GroupMember, SecurityGroups } from "#network/group-rules.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import { type OutsideRoute, outsideRoutes } from "#domain/ec2/outside.ts";
import { type Change, isChangeOf, type Store, type Watch } from "#store/store.ts";
import {
  instances,
  internetGateways,
  natGateways,
  networkInterfaces,
  routeTables,
  securityGroups,
  subnets,
  vpcs,
} from "#store/tables/ec2.ts";
import { loadBalancers } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { balancerMember, decideGroups, instanceMember, interfaceMember } from "./decide.ts";

export interface VpcGroups {
  /** Who may reach whom in the VPC from now on. Safe twice. */
  setSecurityGroups(vpcId: string, wanted: SecurityGroups): Promise<void>;
  /** VPCs that have a network. */
  listVpcs(): Promise<readonly string[]>;
  /** Removes the network of a VPC. Safe twice. */
  removeVpc(vpcId: string): Promise<void>;
}

export interface SecurityGroupControllerDependencies extends VpcGroups {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Place {
  readonly vpcId: string;
  /** What of the row the network is told; a change of the rest is no news. */
  readonly told: string;
}

export function createSecurityGroupController(deps: SecurityGroupControllerDependencies): Controller {
  const { store, clock, random, logger } = deps;
  /** Table and key of each row that counts → where it does. */
  const places = new Map<string, Place>();
  /** VPCs whose network was told its groups, or had one when this life began. */
  const known = new Set<string>();
  let watch: Watch | undefined;

  const isThere = (vpcId: string) => [...store.scan(vpcs)].some(([, vpc]) => vpc.id === vpcId);

  const bring = async (vpcId: string): Promise<void> => {
    if (!isThere(vpcId)) {
      if (known.has(vpcId)) await deps.removeVpc(vpcId);
      known.delete(vpcId);
      return;
    }
    const members = membersOf(store, vpcId);
    if (members.length === 0 && !known.has(vpcId)) return;
    const groups = store.find(securityGroups, "vpc", vpcId).map(([, row]) => row);
    await deps.setSecurityGroups(vpcId, decideGroups(groups, members));
    known.add(vpcId);
  };

  const queue = createWorkQueue({ clock, random, logger, handle: bring });

  const note = (change: Change) => {
    const key = `${change.table.name}/${change.key}`;
    const before = places.get(key);
    const after = placeOf(change);
    if (after === undefined) places.delete(key);
    else places.set(key, after);
    if (before?.told === after?.told && before?.vpcId === after?.vpcId) return;
    for (const place of [before, after]) if (place !== undefined) queue.add(place.vpcId);
  };

  return {
    /** Resolves when the networks of a former life have the groups of today: whoever starts later finds them so. */
    async start() {
      for (const vpcId of await deps.listVpcs()) known.add(vpcId);
      for (const vpcId of known) {
        await bring(vpcId).catch((error: unknown) => {
          logger.warn("a VPC's security groups could not be applied yet", {
            vpcId,
            reason: messageOf(error),
          });
          queue.add(vpcId);
        });
      }
      const tables = [
        ...[vpcs, securityGroups, instances, networkInterfaces, loadBalancers],
        ...[subnets, routeTables, internetGateways, natGateways],
      ];
      watch = store.snapshotAndWatch(tables, {
        notify: () => {
          for (const change of watch?.take() ?? []) note(change);
        },
      });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

function membersOf(store: Store, vpcId: string): readonly GroupMember[] {
  const rows = <R>(found: readonly (readonly [string, R])[]) => found.map(([, row]) => row);
  const routes = {
    tables: rows(store.find(routeTables, "vpc", vpcId)),
    internetGateways: rows(store.find(internetGateways, "vpc", vpcId)),
    natGateways: rows(store.find(natGateways, "vpc", vpcId)),
  };
  const known = new Map<string, readonly OutsideRoute[]>();
  const outside = (subnetId: string, isPublic: boolean): readonly OutsideRoute[] => {
    const key = `${subnetId} ${isPublic}`;
    const found = known.get(key) ?? outsideRoutes(routes, subnetId, isPublic);
    known.set(key, found);
    return found;
  };
  const isPublic = ({ region, subnetId, hasPublicAddress }: InstanceRow) =>
    hasPublicAddress ?? store.get(subnets, ec2Key(region, subnetId))?.mapPublicIpOnLaunch ?? false;
  return [
    ...rows(store.find(instances, "vpc", vpcId)).map((row) =>
      instanceMember(row, outside(row.subnetId, isPublic(row))),
    ),
    ...rows(store.find(networkInterfaces, "vpc", vpcId)).map((row) =>
      interfaceMember(
        row,
        store.get(instances, ec2Key(row.region, row.instanceId))?.joined !== undefined,
        outside(row.subnetId, row.hasPublicAddress === true),
      ),
    ),
    ...rows(store.find(loadBalancers, "vpc", vpcId)).map(balancerMember),
  ].filter((member) => member !== undefined);
}

function placeOf(change: Change): Place | undefined {
  const place = (vpcId: string, what: unknown) => ({ vpcId, told: JSON.stringify(what) });
  const member = (vpcId: string, found: GroupMember | undefined) =>
    found === undefined ? undefined : place(vpcId, found);
  if (change.row === undefined) return undefined;
  if (isChangeOf(change, vpcs)) return place(change.row.id, "");
  if (isChangeOf(change, securityGroups)) return place(change.row.vpcId, change.row.rules);
  if (isChangeOf(change, subnets)) return place(change.row.vpcId, change.row.mapPublicIpOnLaunch);
  if (isChangeOf(change, natGateways)) return place(change.row.vpcId, change.row.subnetId);
  if (isChangeOf(change, internetGateways))
    return change.row.vpcId === undefined ? undefined : place(change.row.vpcId, "");
  if (isChangeOf(change, routeTables)) {
    const { vpcId, routes, associations } = change.row;
    return place(vpcId, [routes, associations]);
  }
  if (isChangeOf(change, instances)) return member(change.row.vpcId, instanceMember(change.row));
  if (isChangeOf(change, networkInterfaces)) {
    const { vpcId, hasPublicAddress } = change.row;
    const found = interfaceMember(change.row);
    return found === undefined ? undefined : place(vpcId, [found, hasPublicAddress]);
  }
  if (isChangeOf(change, loadBalancers)) return member(change.row.vpcId, balancerMember(change.row));
  return undefined;
}
