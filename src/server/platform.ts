// What differs between real and simulated hosts: compute, load balancer, names. Everything above it is the same program.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ComputeProvider } from "#compute/port.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { LoadBalancerDriver } from "#loadbalancer/port.ts";
import type { SecurityGroups } from "#network/group-rules.ts";
import type { DnsZone } from "#network/zones.ts";
import type { Store } from "#store/store.ts";
import type { ServerConfig } from "./config.ts";
import type { Routes } from "./http.ts";
import type { StateFolder } from "./state-folder.ts";

export interface Platform {
  readonly compute: ComputeProvider;
  /** Networks of the VPCs that are there, and the endpoint's listeners in them. */
  start(): Promise<void>;
  driverFor(vpcId: string): Promise<LoadBalancerDriver>;
  /** A load balancer's address comes to life in its VPC, or goes. Safe twice. */
  ensureAddress(vpcId: string, address: string): Promise<void>;
  removeAddress(vpcId: string, address: string): Promise<void>;
  /** Who may reach whom in the VPC from now on; everybody else reaches nobody. Safe twice. */
  setSecurityGroups(vpcId: string, wanted: SecurityGroups): Promise<void>;
  /** VPCs that have a network. */
  listVpcs(): Promise<readonly string[]>;
  /** Removes a VPC's network, in which no host is left. Safe twice. */
  removeVpc(vpcId: string): Promise<void>;
  /** Publishes a name for tasks, instances and this machine; undefined withdraws it. */
  setName(vpcId: string, name: string, address: string | undefined): Promise<void>;
  /** The VPC's private DNS zones, for hosts and tasks of the VPC, are exactly these from now on. Safe twice. */
  setZones(vpcId: string, zones: readonly DnsZone[]): Promise<void>;
  /** The endpoint's base URL as hosts of this VPC reach it. */
  endpointFor(vpcId: string): string;
  /** Lets go; what runs goes on. */
  close(): Promise<void>;
  /** Stops and removes every host, proxy and network: `down` and `reset`. */
  removeEverything(): Promise<void>;
}

export interface PlatformParts {
  /** `port` is the one that was bound. */
  readonly config: ServerConfig;
  readonly folder: StateFolder;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What the endpoint answers, also at the VPCs' addresses. */
  readonly routes: Routes;
  /** Answers a request to the metadata service; the source is a host of the VPC. */
  readonly imds: (req: IncomingMessage, res: ServerResponse, source: MetadataSource) => void;
}

export interface MetadataSource {
  readonly vpcId: string;
  readonly address: string;
}
