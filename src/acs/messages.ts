// The messages of the agent protocol: ACS (what to run) and TCS (telemetry), as they stand in their JSON envelopes
// `{"type": …, "message": …}`. Members an agent or server does not know are ignored.

export interface WirePortMapping {
  readonly containerPort: number;
  /** 0: the agent picks a free one. */
  readonly hostPort: number;
  readonly protocol: "tcp" | "udp";
}

export interface WireContainer {
  readonly name: string;
  readonly image: string;
  readonly containerArn?: string;
  /** CPU shares. */
  readonly cpu: number;
  /** Hard limit in MiB; 0 for none. */
  readonly memory: number;
  readonly essential: boolean;
  readonly command?: readonly string[];
  readonly entryPoint?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly portMappings: readonly WirePortMapping[];
  readonly mountPoints: readonly {
    readonly sourceVolume: string;
    readonly containerPath: string;
    readonly readOnly: boolean;
  }[];
  readonly volumesFrom: readonly { readonly sourceContainer: string; readonly readOnly: boolean }[];
  readonly links?: readonly string[];
  readonly dependsOn?: readonly { readonly containerName: string; readonly condition: string }[];
  /** Seconds. */
  readonly startTimeout?: number;
  /** Seconds. */
  readonly stopTimeout?: number;
  readonly restartPolicy?: {
    readonly enabled: boolean;
    readonly ignoredExitCodes: readonly number[];
    /** Seconds. */
    readonly restartAttemptPeriod: number;
  };
  readonly healthCheckType?: "docker";
  /** Values that the agent fetches by the execution role before it creates the container. */
  readonly secrets?: readonly WireSecret[];
  /** The log driver `awslogs` signs with the execution role's credentials; the instance's otherwise. */
  readonly logsAuthStrategy?: "ExecutionRole";
  /** `config` and `hostConfig` are Docker Engine API JSON, as strings. */
  readonly dockerConfig?: {
    readonly version?: string;
    readonly config?: string;
    readonly hostConfig?: string;
  };
}

/** One secret of a container (agent protocol, "Secrets"). */
export interface WireSecret {
  /** Of the environment variable or of the log option. */
  readonly name: string;
  /** `ssm`: the parameter's name or ARN; `asm`: the secret's ARN, alone or with `:<json key>:<stage>:<version>`. */
  readonly valueFrom: string;
  readonly region: string;
  readonly provider: "ssm" | "asm";
  readonly type: "ENVIRONMENT_VARIABLE" | "MOUNT_POINT" | "BOOTSTRAP";
  readonly target: "CONTAINER" | "LOG_DRIVER";
  readonly containerPath?: string;
}

export interface WireVolume {
  readonly name: string;
  readonly type?: "host" | "docker";
  /** Empty: a volume made by the agent. */
  readonly host?: { readonly sourcePath?: string };
  readonly dockerVolumeConfiguration?: {
    readonly scope?: string;
    readonly autoprovision?: boolean;
    readonly driver?: string;
    readonly driverOpts?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** A task's network interface (agent protocol, "Attachments"). */
export interface WireNetworkInterface {
  readonly attachmentArn: string;
  readonly macAddress: string;
  /** The interface's id. */
  readonly ec2Id: string;
  readonly ipv4Addresses: readonly { readonly privateAddress: string; readonly primary: boolean }[];
  /** Address of the subnet's router and the length of the subnet's prefix: `10.64.0.1/24`. */
  readonly subnetGatewayIpv4Address: string;
  readonly domainName: readonly string[];
  readonly domainNameServers: readonly string[];
  readonly privateDnsName: string;
  readonly index: number;
}

export interface WireTask {
  readonly arn: string;
  readonly taskClusterArn?: string;
  readonly family: string;
  readonly version: string;
  readonly desiredStatus: "RUNNING" | "STOPPED";
  readonly launchType?: string;
  readonly networkMode?: string;
  readonly group?: string;
  readonly serviceName?: string;
  /** vCPUs. */
  readonly cpu?: number;
  /** MiB. */
  readonly memory?: number;
  readonly pidMode?: string;
  readonly ipcMode?: string;
  readonly containers: readonly WireContainer[];
  readonly volumes: readonly WireVolume[];
  readonly roleCredentials?: RoleCredentials;
  readonly executionRoleCredentials?: RoleCredentials;
  /** Network mode awsvpc: one. */
  readonly elasticNetworkInterfaces?: readonly WireNetworkInterface[];
}

export interface RoleCredentials {
  readonly credentialsId: string;
  readonly roleArn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** ISO 8601. */
  readonly expiration: string;
}

export interface TaskIdentifier {
  readonly taskArn: string;
  readonly taskClusterArn: string;
  readonly desiredStatus: "RUNNING" | "STOPPED";
}

/** Server → agent over ACS: type → message. */
export interface AcsServerMessages {
  readonly HeartbeatMessage: { readonly healthy: boolean; readonly messageId: string };
  readonly PayloadMessage: {
    readonly messageId: string;
    readonly clusterArn: string;
    readonly containerInstanceArn: string;
    readonly seqNum: number;
    readonly generatedAt: number;
    readonly tasks: readonly WireTask[];
  };
  /** The interfaces of a task will appear on the host: the agent confirms them by the API once it sees them. */
  readonly AttachTaskNetworkInterfacesMessage: {
    readonly messageId: string;
    readonly clusterArn: string;
    readonly containerInstanceArn: string;
    readonly taskArn: string;
    readonly taskClusterArn: string;
    readonly waitTimeoutMs: number;
    readonly generatedAt: number;
    readonly elasticNetworkInterfaces: readonly WireNetworkInterface[];
  };
  readonly IAMRoleCredentialsMessage: {
    readonly messageId: string;
    readonly taskArn: string;
    readonly taskClusterArn: string;
    readonly roleType: "TaskApplication" | "TaskExecution";
    readonly roleCredentials: RoleCredentials;
  };
  readonly TaskManifestMessage: {
    readonly messageId: string;
    readonly clusterArn: string;
    readonly containerInstanceArn: string;
    readonly timeline: number;
    readonly generatedAt: number;
    readonly tasks: readonly TaskIdentifier[];
  };
  readonly TaskStopVerificationAck: {
    readonly messageId: string;
    readonly generatedAt: number;
    readonly stopTasks: readonly TaskIdentifier[];
  };
  /** Load another version of the agent. Estiba sends none; an agent that is not to be updated says so. */
  readonly StageUpdateMessage: UpdateMessage;
  readonly PerformUpdateMessage: UpdateMessage;
}

interface UpdateMessage {
  readonly messageId: string;
  readonly clusterArn: string;
  readonly containerInstanceArn: string;
}

/** Agent → server over ACS. */
export interface AcsAgentMessages {
  readonly AckRequest: {
    readonly cluster: string;
    readonly containerInstance: string;
    readonly messageId: string;
  };
  readonly NackRequest: {
    readonly cluster: string;
    readonly containerInstance: string;
    readonly messageId: string;
    readonly reason: string;
  };
  readonly HeartbeatAckRequest: { readonly messageId: string };
  readonly IAMRoleCredentialsAckRequest: {
    readonly messageId: string;
    readonly credentialsId: string;
    readonly expiration: string;
  };
  readonly TaskStopVerificationMessage: {
    readonly messageId: string;
    readonly stopCandidates: readonly TaskIdentifier[];
  };
}

/** A distribution of samples: percent of the whole host for CPU, MiB for memory. */
export interface StatsSet {
  readonly min: number;
  readonly max: number;
  readonly sampleCount: number;
  readonly sum: number;
}

export interface TelemetryMetadata {
  readonly cluster: string;
  readonly containerInstance: string;
  readonly messageId: string;
  /** The last message of a batch. */
  readonly fin: boolean;
  readonly idle?: boolean;
}

/** Agent → server over TCS. */
export interface TcsAgentMessages {
  readonly PublishMetricsRequest: {
    readonly metadata: TelemetryMetadata;
    /** Epoch seconds. */
    readonly timestamp: number;
    readonly taskMetrics?: readonly {
      readonly taskArn: string;
      readonly taskDefinitionFamily?: string;
      readonly taskDefinitionVersion?: string;
      readonly containerMetrics: readonly {
        readonly containerName: string;
        readonly cpuStatsSet?: StatsSet;
        readonly memoryStatsSet?: StatsSet;
        readonly restartStatsSet?: { readonly restartCount: number };
      }[];
    }[];
  };
  readonly PublishHealthRequest: {
    readonly metadata: TelemetryMetadata;
    readonly timestamp: number;
    readonly tasks: readonly {
      readonly taskArn: string;
      readonly taskDefinitionFamily?: string;
      readonly taskDefinitionVersion?: string;
      readonly containers: readonly {
        readonly containerName: string;
        readonly healthStatus: "HEALTHY" | "UNHEALTHY" | "UNKNOWN";
        readonly statusSince?: number;
      }[];
    }[];
  };
  readonly PublishInstanceStatusRequest: {
    readonly metadata: {
      readonly cluster: string;
      readonly containerInstance: string;
      readonly requestId: string;
    };
    readonly timestamp: number;
    readonly statuses: readonly {
      readonly type: string;
      readonly status: "OK" | "IMPAIRED" | "INSUFFICIENT_DATA" | "INITIALIZING";
      readonly lastUpdated?: number;
      readonly lastStatusChange?: number;
    }[];
  };
}

/** Server → agent over TCS. */
export interface TcsServerMessages {
  readonly AckPublishMetric: { readonly message: string };
  readonly AckPublishHealth: { readonly message: string };
  readonly AckPublishInstanceStatus: { readonly message: string };
  readonly HeartbeatMessage: { readonly healthy: boolean };
}

/** A message with its type, as a union over a table of messages. */
export type Envelope<Messages> = {
  readonly [T in keyof Messages & string]: { readonly type: T; readonly message: Messages[T] };
}[keyof Messages & string];
