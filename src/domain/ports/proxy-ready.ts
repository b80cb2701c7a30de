// The port by which an operation waits until the load balancers' proxies have what it stored, as clients use it at once.

/** The proxy refused what the rows ask for; what ran before still runs. */
export class ProxyRefused extends Error {
  override readonly name = "ProxyRefused";
}

export interface ProxyReady {
  /** The load-balancer nodes whose views together make a target's health. */
  nodes(): readonly string[];
  /**
   * Resolves when the VPC's proxies have every structure committed before the call, or after a bounded wait when they
   * cannot be reached: they follow later then. Rejects with ProxyRefused when the structure is not acceptable.
   */
  settled(vpcId: string): Promise<void>;
}
