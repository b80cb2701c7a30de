// What a good request names and says, over two hosts and a load balancer: the beginnings of those that are not good.
import type * as stack from "#cli/demo/stack.ts";
import type { Input } from "#tests/support/operation-inputs.ts";
import type { Host } from "#tests/support/two-hosts.ts";

/** How an ECS ARN begins. */
export const ACCOUNT = "arn:aws:ecs:us-east-1:000000000000:";

/** Names of what is there, by the kind of member that takes them. */
export type Names = readonly (readonly [RegExp, readonly string[]])[];

export function namesOf(hosts: readonly Host[], place: stack.Place, balancer: stack.LoadBalancer): Names {
  const tasks = hosts.map((h) => h.taskArn);
  const containerInstances = hosts.map((h) => h.containerInstanceArn);
  const instances = hosts.map((h) => h.instanceId);
  return [
    [/^cluster/i, ["web", `${ACCOUNT}cluster/web`, "default"]],
    [/^services?(Name)?$/, ["spread", "web", `${ACCOUNT}service/web/spread`]],
    [/^tasks?$/, tasks],
    [/^containerInstance|^targetId/, containerInstances],
    [/^taskDefinition|family/i, ["app", "app:1", `${ACCOUNT}task-definition/app:1`]],
    [
      /^resourceArn/i,
      [
        ...tasks,
        ...containerInstances,
        `${ACCOUNT}service/web/spread`,
        balancer.targetGroupArn,
        balancer.arn,
      ],
    ],
    [/^InstanceIds?$|^Id$|^Resources$/, [...instances, place.vpcId, "10.64.0.9"]],
    [/^TargetGroupArns?$/i, [balancer.targetGroupArn]],
    [/^LoadBalancerArns?$/i, [balancer.arn]],
    [/^VpcIds?$/, [place.vpcId]],
    [/^Subnet/i, place.subnets.map((s) => s.id)],
    [/^(Role|InstanceProfile)Names?$|^(task|execution)RoleArn$/, ["app", "ecsInstanceRole"]],
    [/^containerName$|^name$/, ["app", "ecs.os-type", "x"]],
    [/^status$|desiredStatus/i, ["ACTIVE", "DRAINING", "RUNNING", "STOPPED", "INACTIVE"]],
    [/^type$/i, ["memberOf", "spread", "binpack", "random", "forward", "redirect", "fixed-response", "ECS"]],
    [/^(expression|filter)$/, ["attribute:ecs.os-type == linux", "task:group == service:spread", "not("]],
    [/^field$/, ["cpu", "instanceId", "attribute:ecs.availability-zone"]],
    [/^launchType$|requiresCompatibilities/, ["EC2", "EXTERNAL", "FARGATE"]],
    [/^image$/, ["app:1"]],
  ];
}

/** Requests that would be taken as they are, by operation; where several services have one of that name, by `service:operation`. */
export function templatesOf(
  host: Host,
  place: stack.Place,
  balancer: stack.LoadBalancer,
): Readonly<Record<string, Input>> {
  return {
    RegisterTaskDefinition: {
      family: "changed",
      networkMode: "bridge",
      cpu: "256",
      memory: "0.5GB",
      volumes: [{ name: "data", host: {} }],
      placementConstraints: [{ type: "memberOf", expression: "attribute:ecs.os-type == linux" }],
      tags: [{ key: "a", value: "b" }],
      containerDefinitions: [
        {
          name: "app",
          image: "app:1",
          cpu: 10,
          memory: 64,
          memoryReservation: 32,
          essential: true,
          command: ["sleep", "60"],
          entryPoint: ["sh"],
          environment: [{ name: "A", value: "b" }],
          portMappings: [{ containerPort: 80, hostPort: 0, protocol: "tcp" }],
          mountPoints: [{ sourceVolume: "data", containerPath: "/data", readOnly: true }],
          dockerLabels: { a: "b" },
          ulimits: [{ name: "nofile", softLimit: 10, hardLimit: 20 }],
          healthCheck: { command: ["CMD", "true"], interval: 5, retries: 1 },
          linuxParameters: { initProcessEnabled: true, capabilities: { add: ["NET_ADMIN"] } },
          logConfiguration: { logDriver: "json-file", options: { a: "b" } },
          stopTimeout: 5,
        },
        {
          name: "side",
          image: "side:1",
          memory: 8,
          essential: false,
          dependsOn: [{ containerName: "app", condition: "START" }],
          links: ["app"],
        },
      ],
    },
    "ecs:CreateService": {
      cluster: "web",
      serviceName: "changed",
      taskDefinition: "app",
      desiredCount: 1,
      deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 200 },
      placementConstraints: [{ type: "distinctInstance" }],
      placementStrategy: [{ type: "spread", field: "instanceId" }],
      tags: [{ key: "a", value: "b" }],
      propagateTags: "SERVICE",
    },
    "ecs:UpdateService": {
      cluster: "web",
      service: "spread",
      desiredCount: 2,
      taskDefinition: "app",
      forceNewDeployment: true,
      deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 },
    },
    RunTask: {
      cluster: "web",
      taskDefinition: "app",
      count: 1,
      group: "mine",
      startedBy: "me",
      clientToken: "a-token",
      overrides: {
        cpu: "128",
        containerOverrides: [
          { name: "app", command: ["x"], environment: [{ name: "A", value: "b" }], memory: 64 },
        ],
      },
      placementStrategy: [{ type: "binpack", field: "memory" }],
      tags: [{ key: "a", value: "b" }],
    },
    StartTask: { cluster: "web", taskDefinition: "app", containerInstances: [host.containerInstanceArn] },
    RegisterContainerInstance: {
      cluster: "web",
      totalResources: [
        { name: "CPU", type: "INTEGER", integerValue: 1024 },
        { name: "MEMORY", type: "INTEGER", integerValue: 1024 },
        { name: "PORTS", type: "STRINGSET", stringSetValue: ["22"] },
      ],
      versionInfo: { agentVersion: "1.0.0", agentHash: "abc", dockerVersion: "20" },
      attributes: [{ name: "ecs.os-type", value: "linux" }, { name: "mine" }],
      tags: [{ key: "a", value: "b" }],
      clientToken: "another",
    },
    SubmitTaskStateChange: {
      cluster: "web",
      task: host.taskArn,
      status: "RUNNING",
      pullStartedAt: 1_700_000_000,
      executionStoppedAt: 1_700_000_000,
      containers: [
        {
          containerName: "app",
          status: "RUNNING",
          exitCode: 0,
          runtimeId: "abc",
          imageDigest: "sha256:abc",
          networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" }],
        },
      ],
    },
    PutAttributes: {
      cluster: "web",
      attributes: [{ name: "a", value: "b", targetId: host.containerInstanceArn }],
    },
    CreateCluster: {
      clusterName: "changed",
      settings: [{ name: "containerInsights", value: "disabled" }],
      tags: [{ key: "a", value: "b" }],
    },
    CreateTargetGroup: {
      Name: "changed",
      Protocol: "HTTP",
      Port: 80,
      VpcId: place.vpcId,
      TargetType: "ip",
      HealthCheckPath: "/health?x=1",
      HealthCheckIntervalSeconds: 10,
      HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 2,
      Matcher: { HttpCode: "200-299,301" },
      Tags: [{ Key: "a", Value: "b" }],
    },
    ModifyTargetGroup: {
      TargetGroupArn: balancer.targetGroupArn,
      HealthCheckPort: "traffic-port",
      Matcher: { HttpCode: "200" },
    },
    ModifyTargetGroupAttributes: {
      TargetGroupArn: balancer.targetGroupArn,
      Attributes: [{ Key: "deregistration_delay.timeout_seconds", Value: "10" }],
    },
    ModifyLoadBalancerAttributes: {
      LoadBalancerArn: balancer.arn,
      Attributes: [{ Key: "idle_timeout.timeout_seconds", Value: "10" }],
    },
    CreateLoadBalancer: {
      Name: "changed",
      Subnets: place.subnets.slice(0, 2).map((s) => s.id),
      Type: "application",
    },
    CreateListener: {
      LoadBalancerArn: balancer.arn,
      Protocol: "HTTP",
      Port: 8081,
      DefaultActions: [
        {
          Type: "fixed-response",
          FixedResponseConfig: { StatusCode: "404", ContentType: "text/plain", MessageBody: "x" },
        },
      ],
    },
    RegisterTargets: {
      TargetGroupArn: balancer.targetGroupArn,
      Targets: [{ Id: host.instanceId, Port: 8080 }],
    },
    CreateRole: {
      RoleName: "changed",
      Path: "/a/",
      AssumeRolePolicyDocument:
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
      Description: "d",
      MaxSessionDuration: 3600,
      Tags: [{ Key: "a", Value: "b" }],
    },
    PutRolePolicy: {
      RoleName: "app",
      PolicyName: "p",
      PolicyDocument:
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
    },
    DescribeInstances: { Filters: [{ Name: "instance-state-name", Values: ["run*"] }], MaxResults: 5 },
    CreateTags: { Resources: [host.instanceId], Tags: [{ Key: "a", Value: "b" }] },
    CreatePrivateDnsNamespace: { Name: "corp.local", Vpc: place.vpcId, Tags: [{ Key: "a", Value: "b" }] },
    CreateHttpNamespace: { Name: "api", Description: "d" },
    RunInstances: {
      ImageId: "ami-00000000000000000",
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      UserData: "YQ==",
    },
  };
}
