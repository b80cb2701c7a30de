// The demo's resources, made and removed through the public API with the official SDK only.
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeImagesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type Instance,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteClusterCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  DescribeContainerInstancesCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type ContainerInstance,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupAttributesCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Clients } from "../connection.ts";

export type { Clients };

export const NAME = "web";
const CONTAINER_PORT = 8080;

export interface Place {
  readonly vpcId: string;
  readonly subnets: readonly { readonly id: string; readonly zone: string }[];
  /** Without them the VPC's default group holds all: its members reach one another, and nobody else reaches them. */
  readonly groups?: SecurityGroups;
}

export async function findPlace({ ec2 }: Clients): Promise<Place> {
  const { Vpcs } = await ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }),
  );
  const vpcId = Vpcs?.[0]?.VpcId;
  if (vpcId === undefined) throw new Error("The region has no default VPC.");
  const { Subnets } = await ec2.send(
    new DescribeSubnetsCommand({ Filters: [{ Name: "vpc-id", Values: [vpcId] }] }),
  );
  const subnets = (Subnets ?? [])
    .map((s) => ({ id: s.SubnetId ?? "", zone: s.AvailabilityZone ?? "" }))
    .sort((a, b) => a.zone.localeCompare(b.zone));
  return { vpcId, subnets };
}

export async function createCluster({ ecs }: Clients): Promise<void> {
  await ecs.send(new CreateClusterCommand({ clusterName: NAME }));
}

export interface SecurityGroups {
  /** Anybody reaches port 80. */
  readonly balancer: string;
  /** The load balancer alone reaches the ports that tasks are given. */
  readonly hosts: string;
}

const GROUP_NAMES = { hosts: `${NAME}-hosts`, balancer: `${NAME}-load-balancer` } as const;

/** The place with groups of its own, as one opens a web service on AWS. */
export async function createSecurityGroups(clients: Clients, place: Place): Promise<Place> {
  const create = async (name: string, description: string, rule: IpPermission): Promise<string> => {
    const { GroupId } = await clients.ec2.send(
      new CreateSecurityGroupCommand({ GroupName: name, Description: description, VpcId: place.vpcId }),
    );
    await clients.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [rule] }));
    return GroupId ?? "";
  };
  const tcp = (from: number, to: number) => ({ IpProtocol: "tcp", FromPort: from, ToPort: to });
  const balancer = await create(GROUP_NAMES.balancer, "Web requests from anywhere", {
    ...tcp(80, 80),
    IpRanges: [{ CidrIp: "0.0.0.0/0" }],
  });
  const hosts = await create(GROUP_NAMES.hosts, "Dynamic ports from the load balancer", {
    ...tcp(32_768, 65_535),
    UserIdGroupPairs: [{ GroupId: balancer }],
  });
  return { ...place, groups: { balancer, hosts } };
}

/** One instance in each of the first two zones; user data joins them to the cluster. */
export async function runInstances({ ec2 }: Clients, place: Place): Promise<readonly string[]> {
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const imageId = Images?.[0]?.ImageId;
  if (imageId === undefined) throw new Error("The region has no image to start instances from.");
  const userData = Buffer.from(`#!/bin/bash\necho ECS_CLUSTER=${NAME} >> /etc/ecs/ecs.config\n`).toString(
    "base64",
  );
  const answers = await Promise.all(
    place.subnets.slice(0, 2).map((subnet) =>
      ec2.send(
        new RunInstancesCommand({
          ImageId: imageId,
          InstanceType: "t3.small",
          MinCount: 1,
          MaxCount: 1,
          SubnetId: subnet.id,
          ...(place.groups === undefined ? {} : { SecurityGroupIds: [place.groups.hosts] }),
          IamInstanceProfile: { Name: "ecsInstanceRole" },
          UserData: userData,
          TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Name", Value: `${NAME}-host` }] }],
        }),
      ),
    ),
  );
  return answers.flatMap((a) => (a.Instances ?? []).map((i) => i.InstanceId ?? ""));
}

export async function describeInstances(
  { ec2 }: Clients,
  ids: readonly string[],
): Promise<readonly Instance[]> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...ids] }));
  return (Reservations ?? []).flatMap((r) => r.Instances ?? []);
}

export async function containerInstances({ ecs }: Clients): Promise<readonly ContainerInstance[]> {
  const { containerInstanceArns } = await ecs.send(new ListContainerInstancesCommand({ cluster: NAME }));
  if (containerInstanceArns === undefined || containerInstanceArns.length === 0) return [];
  const answer = await ecs.send(
    new DescribeContainerInstancesCommand({ cluster: NAME, containerInstances: containerInstanceArns }),
  );
  return answer.containerInstances ?? [];
}

export interface LoadBalancer {
  readonly arn: string;
  readonly dnsName: string;
  readonly targetGroupArn: string;
}

export async function createLoadBalancer({ elbv2 }: Clients, place: Place): Promise<LoadBalancer> {
  const group = await elbv2.send(
    new CreateTargetGroupCommand({
      Name: NAME,
      Protocol: "HTTP",
      Port: 80,
      VpcId: place.vpcId,
      TargetType: "instance",
      HealthCheckPath: "/",
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 2,
    }),
  );
  const targetGroupArn = group.TargetGroups?.[0]?.TargetGroupArn ?? "";
  await elbv2.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn: targetGroupArn,
      Attributes: [{ Key: "deregistration_delay.timeout_seconds", Value: "10" }],
    }),
  );
  const made = await elbv2.send(
    new CreateLoadBalancerCommand({
      Name: NAME,
      Subnets: place.subnets.slice(0, 2).map((s) => s.id),
      ...(place.groups === undefined ? {} : { SecurityGroups: [place.groups.balancer] }),
      Type: "application",
    }),
  );
  const balancer = made.LoadBalancers?.[0];
  const arn = balancer?.LoadBalancerArn ?? "";
  await elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn: arn,
      Protocol: "HTTP",
      Port: 80,
      DefaultActions: [{ Type: "forward", TargetGroupArn: targetGroupArn }],
    }),
  );
  return { arn, dnsName: balancer?.DNSName ?? "", targetGroupArn };
}

export async function loadBalancerState({ elbv2 }: Clients, arn: string): Promise<string> {
  const { LoadBalancers } = await elbv2.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] }));
  return LoadBalancers?.[0]?.State?.Code ?? "unknown";
}

/** A revision of the task definition: the same container, another REVISION in its environment. Answers its ARN. */
export async function registerRevision({ ecs }: Clients, image: string, revision: string): Promise<string> {
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: NAME,
      networkMode: "bridge",
      requiresCompatibilities: ["EC2"],
      containerDefinitions: [
        {
          name: NAME,
          image,
          cpu: 128,
          memory: 64,
          essential: true,
          stopTimeout: 5,
          environment: [{ name: "REVISION", value: revision }],
          portMappings: [{ containerPort: CONTAINER_PORT, hostPort: 0 }],
        },
      ],
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? "";
}

export async function createService(
  { ecs }: Clients,
  taskDefinition: string,
  balancer: LoadBalancer,
  desiredCount: number,
): Promise<void> {
  await ecs.send(
    new CreateServiceCommand({
      cluster: NAME,
      serviceName: NAME,
      taskDefinition,
      desiredCount,
      launchType: "EC2",
      loadBalancers: [
        { targetGroupArn: balancer.targetGroupArn, containerName: NAME, containerPort: CONTAINER_PORT },
      ],
      healthCheckGracePeriodSeconds: 30,
    }),
  );
}

export async function updateService({ ecs }: Clients, taskDefinition: string): Promise<void> {
  await ecs.send(new UpdateServiceCommand({ cluster: NAME, service: NAME, taskDefinition }));
}

export async function describeService({ ecs }: Clients): Promise<Service | undefined> {
  const { services } = await ecs.send(new DescribeServicesCommand({ cluster: NAME, services: [NAME] }));
  return services?.[0];
}

export async function runningTasks({ ecs }: Clients): Promise<readonly Task[]> {
  const { taskArns } = await ecs.send(new ListTasksCommand({ cluster: NAME, serviceName: NAME }));
  if (taskArns === undefined || taskArns.length === 0) return [];
  const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: NAME, tasks: taskArns }));
  return tasks ?? [];
}

export async function healthyTargets({ elbv2 }: Clients, balancer: LoadBalancer): Promise<number> {
  const { TargetHealthDescriptions } = await elbv2.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: balancer.targetGroupArn }),
  );
  return (TargetHealthDescriptions ?? []).filter((t) => t.TargetHealth?.State === "healthy").length;
}

/** Removes what the demo made, also what an earlier run left; a part that is not there is no error. */
export async function removeAll(
  clients: Clients,
  until: (what: string, probe: () => Promise<string | undefined>) => Promise<void>,
): Promise<void> {
  const { ecs, ec2, elbv2 } = clients;
  await ignore(["ServiceNotFoundException", "ClusterNotFoundException", "ServiceNotActiveException"], () =>
    ecs.send(new DeleteServiceCommand({ cluster: NAME, service: NAME, force: true })),
  );
  await ignore(["ClusterNotFoundException"], () =>
    until("the service's tasks stop", async () => {
      const service = await describeService(clients);
      return service?.status === "DRAINING" ? `${service.runningCount} still running` : undefined;
    }),
  );
  await ignore(["LoadBalancerNotFound", "LoadBalancerNotFoundException"], async () => {
    const { LoadBalancers } = await elbv2.send(new DescribeLoadBalancersCommand({ Names: [NAME] }));
    await elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn }));
  });
  await ignore(["TargetGroupNotFound", "TargetGroupNotFoundException"], async () => {
    const { TargetGroups } = await elbv2.send(new DescribeTargetGroupsCommand({ Names: [NAME] }));
    await elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: TargetGroups?.[0]?.TargetGroupArn }));
  });
  const { Reservations } = await ec2.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: "tag:Name", Values: [`${NAME}-host`] },
        { Name: "instance-state-name", Values: ["pending", "running", "shutting-down"] },
      ],
    }),
  );
  const ids = (Reservations ?? []).flatMap((r) => (r.Instances ?? []).map((i) => i.InstanceId ?? ""));
  if (ids.length > 0) {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    await until("the instances terminate", async () => {
      const alive = (await describeInstances(clients, ids)).filter((i) => i.State?.Name !== "terminated");
      return alive.length > 0 ? `${alive.length} left` : undefined;
    });
  }
  await removeSecurityGroups(clients);
  await ignore(["ClusterNotFoundException"], () => ecs.send(new DeleteClusterCommand({ cluster: NAME })));
}

/** The group that refers to the other goes first. */
async function removeSecurityGroups({ ec2 }: Clients): Promise<void> {
  for (const name of [GROUP_NAMES.hosts, GROUP_NAMES.balancer]) {
    const { SecurityGroups } = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: "group-name", Values: [name] }] }),
    );
    for (const { GroupId } of SecurityGroups ?? [])
      await ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
  }
}

async function ignore(names: readonly string[], action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Error && names.includes(error.name))) throw error;
  }
}
