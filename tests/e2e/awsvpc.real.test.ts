// Tasks with network interfaces of their own, on one real instance: each its address in the VPC and its port 8080, behind a load
// balancer that reaches them there. What a task's end, an agent's death and the instance's end leave is looked at, too.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeNetworkInterfacesCommand,
  DescribeImagesCommand,
  DeleteNetworkInterfaceCommand,
  DescribeSubnetsCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  UpdateServiceCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupAttributesCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import { findPlace, type Place } from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { systemClock } from "#lib/clock.ts";
import { createSupervisor } from "#server/supervisor.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { snapshotMachine, type MachineSnapshot } from "#tests/support/leaks.ts";

const run = promisify(execFile);
const CLUSTER = "awsvpc";

/**
 * Beside the server: it becomes healthy when it has reached it as localhost, and the metadata endpoint, and not the instance's
 * metadata service, which the agent was told to keep from tasks.
 */
const SIDECAR = `
until wget -q -O /tmp/page http://127.0.0.1:8080/; do sleep 0.2; done
until wget -q -O /tmp/metadata "$ECS_CONTAINER_METADATA_URI_V4"; do sleep 0.2; done
if nc -w 2 169.254.169.254 80 </dev/null; then exit 9; fi
touch /tmp/reached
while :; do sleep 1; done`;

let before: MachineSnapshot;
let estiba: Estiba;
let place: Place;
let instanceId: string;
let targetGroup: string;
let taskSecurityGroup: string;
let address: string;

beforeAll(async () => {
  before = snapshotMachine();
  estiba = await startEstiba({ vpc: 101 });
  await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
  const { ecs, ec2, elbv2 } = estiba.clients;
  place = await findPlace(estiba.clients);
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const launched = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      // Three network interfaces: the primary one, and two for tasks.
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: place.subnets[0]?.id,
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(
        `#!/bin/sh\nprintf 'ECS_CLUSTER=${CLUSTER}\\nECS_AWSVPC_BLOCK_IMDS=true\\n' >> /etc/ecs/ecs.config\n`,
      ).toString("base64"),
    }),
  );
  instanceId = launched.Instances?.[0]?.InstanceId ?? "";
  const balancerSecurityGroup = await securityGroup("balancer", { IpRanges: [{ CidrIp: "0.0.0.0/0" }] }, 80);
  taskSecurityGroup = await securityGroup(
    "tasks",
    { UserIdGroupPairs: [{ GroupId: balancerSecurityGroup }] },
    8080,
  );
  const group = await elbv2.send(
    new CreateTargetGroupCommand({
      Name: "ip",
      Protocol: "HTTP",
      Port: 80,
      VpcId: place.vpcId,
      TargetType: "ip",
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 2,
    }),
  );
  targetGroup = group.TargetGroups?.[0]?.TargetGroupArn ?? "";
  await elbv2.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn: targetGroup,
      Attributes: [{ Key: "deregistration_delay.timeout_seconds", Value: "2" }],
    }),
  );
  const balancer = await elbv2.send(
    new CreateLoadBalancerCommand({
      Name: "awsvpc",
      Subnets: place.subnets.slice(0, 2).map((s) => s.id),
      SecurityGroups: [balancerSecurityGroup],
      Type: "application",
    }),
  );
  const { LoadBalancerArn, DNSName = "" } = balancer.LoadBalancers?.[0] ?? {};
  await elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Protocol: "HTTP",
      Port: 80,
      DefaultActions: [{ Type: "forward", TargetGroupArn: targetGroup }],
    }),
  );
  await eventually("the instance has registered", async () => {
    const { containerInstanceArns } = await ecs.send(new ListContainerInstancesCommand({ cluster: CLUSTER }));
    return containerInstanceArns?.length === 1 || undefined;
  });
  address = await eventually("the load balancer has a name", async () => {
    const { stdout } = await run("getent", ["hosts", DNSName]).catch(() => ({ stdout: "" }));
    return stdout.trim().split(/\s+/)[0] || undefined;
  });
}, 180_000);
afterAll(async () => estiba?.destroy(), 120_000);

/** A group into which the peers may come at one port. */
async function securityGroup(name: string, peers: IpPermission, port: number): Promise<string> {
  const { ec2 } = estiba.clients;
  const { GroupId = "" } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: name, VpcId: place.vpcId }),
  );
  const IpPermissions = [{ IpProtocol: "tcp", FromPort: port, ToPort: port, ...peers }];
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
  return GroupId;
}

const networkConfiguration = () => ({
  awsvpcConfiguration: {
    subnets: place.subnets.slice(0, 1).map((s) => s.id),
    securityGroups: [taskSecurityGroup],
  },
});

async function tasks(): Promise<readonly Task[]> {
  const { ecs } = estiba.clients;
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster: CLUSTER }));
  if (taskArns.length === 0) return [];
  return (await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: taskArns }))).tasks ?? [];
}

const healthyTargets = async () => {
  const { TargetHealthDescriptions = [] } = await estiba.clients.elbv2.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }),
  );
  return TargetHealthDescriptions.filter((t) => t.TargetHealth?.State === "healthy");
};

const detail = (task: Task, name: string) =>
  task.attachments?.[0]?.details?.find((d) => d.name === name)?.value ?? "";

const ofTasks = async () => {
  const { NetworkInterfaces = [] } = await estiba.clients.ec2.send(
    new DescribeNetworkInterfacesCommand({
      Filters: [{ Name: "requester-managed", Values: ["true"] }],
    }),
  );
  return NetworkInterfaces;
};

const freeAddresses = async () => {
  const { Subnets } = await estiba.clients.ec2.send(
    new DescribeSubnetsCommand({ SubnetIds: place.subnets.slice(0, 1).map((s) => s.id) }),
  );
  return Subnets?.[0]?.AvailableIpAddressCount;
};

/** Which containers answered a number of requests through the load balancer. */
async function answering(requests: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let i = 0; i < requests; i++) {
    const answer = await fetch(`http://${address}/`);
    expect(answer.status).toBe(200);
    found.add(await answer.text());
  }
  return found;
}

const settled = () =>
  eventually(
    "two healthy tasks behind the load balancer",
    async () => {
      const all = await tasks();
      const whole =
        all.length === 2 && all.every((t) => t.lastStatus === "RUNNING" && t.healthStatus === "HEALTHY");
      return whole && (await healthyTargets()).length === 2 ? all : undefined;
    },
    90,
  );

describe.sequential("tasks in network mode awsvpc", () => {
  let free: number | undefined;

  it("listen on the same port of one instance, and their containers reach one another as localhost", async () => {
    const { ecs } = estiba.clients;
    free = await freeAddresses();
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: "web",
        networkMode: "awsvpc",
        requiresCompatibilities: ["EC2"],
        containerDefinitions: [
          {
            name: "web",
            image: DEMO_IMAGE,
            memory: 64,
            stopTimeout: 2,
            portMappings: [{ containerPort: 8080 }],
          },
          {
            name: "sidecar",
            image: DEMO_IMAGE,
            memory: 32,
            stopTimeout: 1,
            command: ["sh", "-c", SIDECAR],
            healthCheck: { command: ["CMD-SHELL", "cat /tmp/reached"], interval: 5, timeout: 2 },
          },
        ],
      }),
    );
    await ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: "web",
        taskDefinition: "web",
        desiredCount: 2,
        networkConfiguration: networkConfiguration(),
        loadBalancers: [{ targetGroupArn: targetGroup, containerName: "web", containerPort: 8080 }],
      }),
    );
    const running = await settled();
    expect((await answering(20)).size).toBe(2);
    const addresses = running.map((t) => detail(t, "privateIPv4Address"));
    expect((await healthyTargets()).map((t) => `${t.Target?.Id}:${t.Target?.Port}`).sort()).toEqual(
      addresses.map((a) => `${a}:8080`).sort(),
    );
    expect(await freeAddresses()).toBe((free ?? 0) - 2);
  }, 120_000);

  it("show their interface in the task and in EC2, where nobody else may manage it", async () => {
    const { ec2 } = estiba.clients;
    const interfaces = await ofTasks();
    for (const task of await tasks()) {
      expect(task.attachments).toMatchObject([{ type: "ElasticNetworkInterface", status: "ATTACHED" }]);
      const shown = interfaces.find((i) => i.NetworkInterfaceId === detail(task, "networkInterfaceId"));
      expect(shown).toMatchObject({
        Status: "in-use",
        RequesterManaged: true,
        PrivateIpAddress: detail(task, "privateIPv4Address"),
        MacAddress: detail(task, "macAddress"),
        SubnetId: detail(task, "subnetId"),
        Attachment: { InstanceId: instanceId, Status: "attached" },
      });
      for (const container of task.containers ?? []) {
        expect(container.networkBindings).toEqual([]);
        expect(container.networkInterfaces).toEqual([
          {
            attachmentId: task.attachments?.[0]?.id,
            privateIpv4Address: detail(task, "privateIPv4Address"),
          },
        ]);
      }
    }
    await expect(
      ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: interfaces[0]?.NetworkInterfaceId })),
    ).rejects.toThrow("is currently in use");
  });

  it("find no place on an instance that has no interface left", async () => {
    const { failures, tasks: placed } = await estiba.clients.ecs.send(
      new RunTaskCommand({
        cluster: CLUSTER,
        taskDefinition: "web",
        networkConfiguration: networkConfiguration(),
      }),
    );
    expect(placed).toEqual([]);
    expect(failures?.map((f) => f.reason)).toEqual(["RESOURCE:ENI"]);
  });

  it("go on through the death of their agent, which goes on with them", async () => {
    const supervisor = createSupervisor(stateFolder(estiba.dataDirectory), systemClock);
    const name = `agent-${instanceId}`;
    const was = (await supervisor.state(name))?.pid;
    const ids = (await tasks()).flatMap((t) => (t.containers ?? []).map((c) => c.runtimeId)).sort();
    await supervisor.signal(name, "SIGKILL");
    expect((await answering(10)).size).toBe(2);
    await eventually("another agent runs", async () => {
      const pid = (await supervisor.state(name))?.pid;
      return (pid !== undefined && pid !== was) || undefined;
    });
    const after = await settled();
    expect(after.flatMap((t) => (t.containers ?? []).map((c) => c.runtimeId)).sort()).toEqual(ids);
    expect((await answering(10)).size).toBe(2);
  }, 120_000);

  it("end with the container that holds their network, and are replaced", async () => {
    const [first] = await tasks();
    const layout = hostLayout(sharedLayout(stateFolder(estiba.dataDirectory).hosts, "any"), instanceId);
    const docker = (...args: string[]) => run("docker", ["-H", `unix://${layout.socket}`, ...args]);
    const ofTask = `label=com.amazonaws.ecs.task-arn=${first?.taskArn}`;
    const isPause = "label=com.amazonaws.ecs.container-name=~internal~ecs~pause";
    const { stdout } = await docker("ps", "-q", "--filter", ofTask, "--filter", isPause);
    expect(stdout.trim()).toMatch(/^[0-9a-f]+$/);
    await docker("kill", stdout.trim());
    const ended = await eventually("the task has ended", async () => {
      const { tasks: [task] = [] } = await estiba.clients.ecs.send(
        new DescribeTasksCommand({ cluster: CLUSTER, tasks: [first?.taskArn ?? ""] }),
      );
      return task?.lastStatus === "STOPPED" ? task : undefined;
    });
    expect(ended.stoppedReason).toBe("ContainerNetworkingError: ~internal~ecs~pause has ended");
    expect((await settled()).map((t) => t.taskArn)).not.toContain(first?.taskArn);
    expect((await answering(10)).size).toBe(2);
  }, 120_000);

  it("give their interface and address back when they stop", async () => {
    const { ecs } = estiba.clients;
    await ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: "web", desiredCount: 1 }));
    await eventually("one task is left", async () => (await tasks()).length === 1 || undefined);
    await eventually(
      "its interface is all that is left",
      async () => (await ofTasks()).length === 1 || undefined,
    );
    expect(await freeAddresses()).toBe((free ?? 0) - 1);
    const { taskArns = [] } = await ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, desiredStatus: "STOPPED" }),
    );
    const { tasks: stopped = [] } = await ecs.send(
      new DescribeTasksCommand({ cluster: CLUSTER, tasks: taskArns }),
    );
    expect(stopped.map((t) => [t.lastStatus, t.attachments?.[0]?.status])).toEqual([
      ["STOPPED", "DELETED"],
      ["STOPPED", "DELETED"],
    ]);
  }, 60_000);

  it("leave nothing behind when their instance ends", async () => {
    await estiba.clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await eventually("no interface is left", async () => (await ofTasks()).length === 0 || undefined);
    await estiba.destroy();
    expect(snapshotMachine()).toEqual(before);
  }, 120_000);
});
