// Services, their deployments, revisions and events as stored. Transitions stand in service-transitions.ts.
// Keys: region/cluster/service, and below it /id for deployments, revisions and events.
import type { Tags } from "../tags.ts";
import type { StrategyItem } from "./fargate.ts";

export interface ServiceLoadBalancer {
  readonly targetGroupArn: string;
  readonly containerName: string;
  readonly containerPort: number;
}

/** A Cloud Map service in which tasks are instances (API reference, "ServiceRegistry"). */
export interface ServiceRegistry {
  readonly registryArn: string;
  readonly containerName?: string;
  readonly containerPort?: number;
  /** Network mode awsvpc only, instead of a container's. */
  readonly port?: number;
}

export interface PlacementConstraint {
  readonly type: "distinctInstance" | "memberOf";
  readonly expression?: string;
}

export interface PlacementStrategy {
  readonly type: "random" | "spread" | "binpack";
  readonly field?: string;
}

/** Where the interfaces of awsvpc tasks are (API reference, "AwsVpcConfiguration"): groups filled in, subnets of one VPC. */
export interface AwsvpcConfiguration {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly assignPublicIp: "ENABLED" | "DISABLED";
}

/** What a service revision fixes: another value of any of these makes a new deployment. */
export interface ServiceSpecification {
  readonly taskDefinitionArn: string;
  /** FARGATE with a capacity provider strategy, too. */
  readonly launchType: "EC2" | "EXTERNAL" | "FARGATE";
  readonly capacityProviderStrategy?: readonly StrategyItem[];
  /** Fargate only, as it was asked for: `LATEST`, or a version. */
  readonly platformVersion?: string;
  readonly loadBalancers: readonly ServiceLoadBalancer[];
  readonly serviceRegistries?: readonly ServiceRegistry[];
  /** Network mode awsvpc only. */
  readonly network?: AwsvpcConfiguration;
}

/** One entry of the API's `deployments[]`. The newest is PRIMARY; superseded ones stay ACTIVE until their last task has stopped. */
export interface Deployment extends ServiceSpecification {
  /** `ecs-svc/<19 digits>`; the same digits end the revision's and the service deployment's ARNs. */
  readonly id: string;
  readonly status: "PRIMARY" | "ACTIVE";
  readonly serviceRevisionArn: string;
  readonly serviceDeploymentArn: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly rolloutState: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  readonly rolloutStateReason: string;
  /** Tasks of this deployment that ended before they were healthy since the last healthy one: the API's `failedTasks`. */
  readonly failedTasks: number;
  /** When the last of these ended (epoch milliseconds). */
  readonly lastFailureAt?: number;
  /** When the count last began anew (epoch milliseconds): failures after it are counted. */
  readonly countedSince?: number;
  /** No task is started before (epoch milliseconds): failing starts back off. */
  readonly notBefore?: number;
}

export interface ServiceRow {
  readonly arn: string;
  readonly region: string;
  readonly clusterName: string;
  readonly clusterArn: string;
  readonly name: string;
  readonly status: "ACTIVE" | "DRAINING" | "INACTIVE";
  readonly desiredCount: number;
  readonly schedulingStrategy: "REPLICA";
  /** Defaults 100 and 200. */
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  readonly healthCheckGracePeriodSeconds?: number;
  readonly placementConstraints: readonly PlacementConstraint[];
  readonly placementStrategy: readonly PlacementStrategy[];
  readonly enableEcsManagedTags: boolean;
  readonly propagateTags: "TASK_DEFINITION" | "SERVICE" | "NONE";
  readonly enableExecuteCommand: boolean;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly deletedAt?: number;
  readonly deployments: readonly Deployment[];
  /** How many tasks found no place at the last attempt, and why; tried again when capacity changes. */
  readonly shortfall?: { readonly count: number; readonly reason: string; readonly since: number };
  /** How many tasks would be stopped and are protected from it, and of which deployment that was told. */
  readonly held?: { readonly count: number; readonly deploymentId: string };
  /** When "has reached a steady state" was last written (epoch milliseconds); absent while not steady. */
  readonly steadySince?: number;
  readonly lastSteadyEventAt?: number;
  readonly clientToken?: string;
  readonly tags: Tags;
}

export interface ServiceDeploymentRow {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly serviceArn: string;
  readonly clusterArn: string;
  readonly status:
    | "PENDING"
    | "IN_PROGRESS"
    | "SUCCESSFUL"
    | "STOPPED"
    | "STOP_REQUESTED"
    | "ROLLBACK_IN_PROGRESS"
    | "ROLLBACK_SUCCESSFUL"
    | "ROLLBACK_FAILED";
  readonly statusReason?: string;
  readonly sourceServiceRevisionArns: readonly string[];
  readonly targetServiceRevisionArn: string;
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly updatedAt: number;
}

export interface ServiceRevisionRow extends ServiceSpecification {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly serviceArn: string;
  readonly clusterArn: string;
  readonly containerImages: readonly { readonly containerName: string; readonly image: string }[];
  readonly createdAt: number;
}

export interface ServiceEventRow {
  readonly id: string;
  readonly region: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly createdAt: number;
  readonly message: string;
}

/** The newest this many events are kept. */
export const SERVICE_EVENTS_KEPT = 100;

export const serviceKey = (region: string, clusterName: string, name: string): string =>
  `${region}/${clusterName}/${name}`;
export const serviceChildKey = (region: string, clusterName: string, name: string, id: string): string =>
  `${region}/${clusterName}/${name}/${id}`;
/** Time-ordered; `sequence` keeps events of one millisecond in order. */
export const serviceEventKey = (
  region: string,
  clusterName: string,
  name: string,
  createdAt: number,
  id: string,
): string => `${region}/${clusterName}/${name}/${String(createdAt).padStart(14, "0")}-${id}`;
