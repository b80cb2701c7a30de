// The port by which a host gets its place in a VPC (network/ fills it, compute/ calls it).

export interface HostAttachment {
  readonly vpcId: string;
  readonly instanceId: string;
  readonly privateIp: string;
  readonly macAddress: string;
  /** TTL of answers of the metadata service: with 1 no container behind the host's bridge gets one. */
  readonly metadataHopLimit: number;
}

/** A task's network interface on a host. */
export interface InterfaceAttachment {
  readonly vpcId: string;
  readonly instanceId: string;
  readonly interfaceId: string;
  readonly privateIp: string;
  readonly macAddress: string;
  /** As the host's own. */
  readonly metadataHopLimit: number;
}

export interface AttachedHost {
  /** The host's network namespace, a name of `ip netns`. */
  readonly namespace: string;
  /** Where the host's resolver is, for resolv.conf and `dockerd --dns`. */
  readonly dnsServer: string;
  /** The VPC's range, for `dockerd --insecure-registry`. */
  readonly vpcCidr: string;
  /** The host's interface on which its agent makes those of tasks; absent where the provider makes them. */
  readonly trunk?: string;
}

export interface HostNetwork {
  /** The VPC's namespace, the host's own, and the veth between them. Safe twice: what is there is left. */
  attachHost(attachment: HostAttachment): Promise<AttachedHost>;
  /** Removes the host's namespace with everything in it. Safe twice. */
  detachHost(instanceId: string): Promise<void>;
  /**
   * The interface appears in the host's namespace with its MAC; whoever takes it from there may move it. Safe twice: one that is
   * there is left, wherever it was moved. Rejects while the host is not there.
   */
  attachInterface(attachment: InterfaceAttachment): Promise<void>;
  /** Removes the interface, wherever it was moved. Safe twice. */
  detachInterface(attachment: Pick<InterfaceAttachment, "vpcId" | "interfaceId">): Promise<void>;
  /** Instance ids of all namespaces of hosts, for repair. */
  listHosts(): Promise<readonly string[]>;
}
