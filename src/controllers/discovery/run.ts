// Follows Cloud Map's private namespaces, their services and instances, and tells each VPC's DNS server its zones. What they
// hold is decided in decide.ts. The server answers what it was last told while the control plane is away.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { NamespaceRow } from "#domain/servicediscovery/records.ts";
import type { DnsZone } from "#network/zones.ts";
import { type Change, isChangeOf, type Store, type Watch } from "#store/store.ts";
import { vpcs } from "#store/tables/ec2.ts";
import { instances, namespaces, services } from "#store/tables/servicediscovery.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { decideZone } from "./decide.ts";

export interface DiscoveryControllerDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The VPC's private zones are exactly these from now on. Safe twice. */
  setZones(vpcId: string, zones: readonly DnsZone[]): Promise<void>;
  /** VPCs that have a network. */
  listVpcs(): Promise<readonly string[]>;
}

interface Place {
  readonly vpcId: string;
  /** What of the row the zones show; a change of the rest is no news. */
  readonly told: string;
}

export function createDiscoveryController(deps: DiscoveryControllerDependencies): Controller {
  const { store, clock, random, logger } = deps;
  /** Table and key of each row that counts → where it does. */
  const places = new Map<string, Place>();
  /** VPCs that were told zones, or may have been in a former life. */
  const told = new Set<string>();
  let watch: Watch | undefined;

  const queue = createWorkQueue({
    clock,
    random,
    logger,
    async handle(vpcId) {
      // A VPC's zones go with its network.
      const isThere = [...store.scan(vpcs)].some(([, vpc]) => vpc.id === vpcId);
      const zones = isThere ? zonesOf(store, vpcId) : [];
      if (isThere && (zones.length > 0 || told.has(vpcId))) await deps.setZones(vpcId, zones);
      if (zones.length > 0) told.add(vpcId);
      else told.delete(vpcId);
    },
  });

  const note = (change: Change) => {
    const key = `${change.table.name}/${change.key}`;
    const before = places.get(key);
    const after = placeOf(store, change);
    if (after === undefined) places.delete(key);
    else places.set(key, after);
    if (before?.told === after?.told && before?.vpcId === after?.vpcId) return;
    for (const place of [before, after]) if (place !== undefined) queue.add(place.vpcId);
  };

  return {
    async start() {
      for (const vpcId of await deps.listVpcs()) {
        told.add(vpcId);
        queue.add(vpcId);
      }
      watch = store.snapshotAndWatch([namespaces, services, instances], {
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

const rows = <R>(found: readonly (readonly [string, R])[]): readonly R[] => found.map(([, row]) => row);

const zonesOf = (store: Store, vpcId: string): readonly DnsZone[] =>
  rows(store.find(namespaces, "vpc", vpcId)).map((namespace) =>
    decideZone(
      namespace,
      rows(store.find(services, "namespace", namespace.id)).map((service) => ({
        service,
        instances: rows(store.find(instances, "service", service.id)),
      })),
    ),
  );

/** Undefined for what is in no VPC: HTTP namespaces. */
function placeOf(store: Store, change: Change): Place | undefined {
  const inVpcOf = (namespace: NamespaceRow | undefined, shown: unknown): Place | undefined =>
    namespace?.vpcId === undefined ? undefined : { vpcId: namespace.vpcId, told: JSON.stringify(shown) };
  const namespaceOf = (id: string | undefined) =>
    id === undefined ? undefined : rows(store.find(namespaces, "id", id))[0];
  if (change.row === undefined) return undefined;
  if (isChangeOf(change, namespaces)) return inVpcOf(change.row, change.row.name);
  if (isChangeOf(change, services)) {
    const { namespaceId, name, dnsRecords } = change.row;
    return inVpcOf(namespaceOf(namespaceId), [name, dnsRecords.map(({ type }) => type)]);
  }
  if (isChangeOf(change, instances)) {
    const { serviceId, attributes, health } = change.row;
    const service = rows(store.find(services, "id", serviceId))[0];
    return inVpcOf(namespaceOf(service?.namespaceId), [attributes, health]);
  }
  return undefined;
}
