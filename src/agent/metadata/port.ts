// What the task metadata endpoint must know of a task, and who tells it. The agent's runner fills this from what it holds.
// Statuses are the agent's internal names (NONE, PULLED, CREATED, RUNNING, RESOURCES_PROVISIONED, STOPPED).

/** Times are epoch milliseconds; absent members are left out of the answer. */
export interface TaskView {
  /** The cluster as configured, a name or an ARN. */
  readonly cluster: string;
  readonly taskArn: string;
  readonly family: string;
  readonly revision: string;
  readonly desiredStatus: string;
  readonly knownStatus: string;
  /** In the order of the task definition. */
  readonly containers: readonly ContainerView[];
  /** vCPUs and MiB; absent for a task without task-level limits. */
  readonly limits?: { readonly cpu?: number; readonly memory?: number };
  readonly pullStartedAt?: number;
  readonly pullStoppedAt?: number;
  /** When the first essential container ended. */
  readonly executionStoppedAt?: number;
  readonly availabilityZone?: string;
  readonly availabilityZoneId?: string;
  readonly launchType?: string;
  readonly vpcId?: string;
  readonly serviceName?: string;
}

export interface ContainerView {
  /** Empty until the engine made it. */
  readonly dockerId: string;
  /** The name in the task definition. */
  readonly name: string;
  readonly dockerName: string;
  readonly image: string;
  /** `sha256:…`; empty until known. */
  readonly imageId: string;
  readonly desiredStatus: string;
  readonly knownStatus: string;
  /** CPU shares and MiB; 0 for none. */
  readonly limits: { readonly cpu: number; readonly memory: number };
  readonly type: "NORMAL" | "CNI_PAUSE";
  readonly ports: readonly {
    readonly containerPort: number;
    readonly protocol: string;
    readonly hostPort?: number;
    readonly hostIp?: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly networks: readonly NetworkView[];
  readonly volumes: readonly {
    readonly dockerName?: string;
    readonly source: string;
    readonly destination: string;
  }[];
  readonly exitCode?: number;
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly health?: {
    readonly status: "UNKNOWN" | "HEALTHY" | "UNHEALTHY";
    readonly statusSince?: number;
    /** Of the newest probe. */
    readonly exitCode?: number;
    readonly output?: string;
  };
  readonly logDriver?: string;
  readonly logOptions?: Readonly<Record<string, string>>;
  readonly containerArn?: string;
  /** Only of containers with a restart policy. */
  readonly restartCount?: number;
}

export interface NetworkView {
  /** `bridge`, `host`, `none`, `awsvpc`. */
  readonly mode: string;
  readonly ipv4Addresses: readonly string[];
  /** With `awsvpc` only. */
  readonly eni?: {
    readonly attachmentIndex: number;
    readonly macAddress: string;
    readonly ipv4SubnetCidrBlock: string;
    readonly subnetGatewayIpv4Address: string;
    readonly domainNameServers?: readonly string[];
    readonly domainNameSearchList?: readonly string[];
    readonly privateDnsName?: string;
  };
}

/** The engine's own statistics of a container, as read; and what went over its network per second of late. */
export interface StatsView {
  readonly document: Readonly<Record<string, unknown>>;
  readonly networkRate?: { readonly rxBytesPerSecond: number; readonly txBytesPerSecond: number };
}

export type TagsView =
  { readonly tags: Readonly<Record<string, string>> } | { readonly failure: TagsFailure };

/** Why a resource's tags are not known, as the control plane said. */
export interface TagsFailure {
  readonly resourceArn: string;
  readonly code: string;
  readonly message: string;
  readonly status?: number;
  readonly requestId?: string;
}

export interface MetadataSource {
  /**
   * By the id in the container's `ECS_CONTAINER_METADATA_URI_V4`: its task, and which of the task's containers it is
   * (an element of `task.containers`). Undefined when no task has it.
   */
  find(
    metadataId: string,
  ): Promise<{ readonly task: TaskView; readonly container: ContainerView } | undefined>;
  /** The task that has an interface, and so an address, of its own. */
  findByAddress(ipv4Address: string): Promise<TaskView | undefined>;
  /** All tasks of this host that have not been forgotten. */
  all(): Promise<readonly TaskView[]>;
  /** Undefined for a container that does not run. Takes the engine a second or two. */
  stats(dockerId: string): Promise<StatsView | undefined>;
  /** Of the task, and of this host's container instance once it is registered. */
  tags(taskArn: string): Promise<{ readonly task: TagsView; readonly containerInstance?: TagsView }>;
}
