// What differs between real and simulated hosts: compute, load balancer, names. Everything above it is the same program.
import type { ComputeProvider } from "#compute/port.ts";
import type { LoadBalancerDriver } from "#loadbalancer/port.ts";

export interface Platform {
  readonly compute: ComputeProvider;
  driverFor(vpcId: string): Promise<LoadBalancerDriver>;
  /** A load balancer's address comes to life in its VPC, or goes. Safe twice. */
  ensureAddress(vpcId: string, address: string): Promise<void>;
  removeAddress(vpcId: string, address: string): Promise<void>;
  /** Publishes a name for tasks, instances and this machine; undefined withdraws it. */
  setName(vpcId: string, name: string, address: string | undefined): Promise<void>;
  /** The endpoint's base URL as hosts of this VPC reach it. */
  endpointFor(vpcId: string): string;
  /** Lets go; what runs goes on. */
  close(): Promise<void>;
  /** Stops and removes every host, proxy and network: `down` and `reset`. */
  removeEverything(): Promise<void>;
}
