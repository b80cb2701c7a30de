// Other machines, played by network namespaces: one joins as an instance, whose tasks are reached and reach others as on this
// machine, also after its network was cut; one joins as an external machine, with ECS Anywhere's limits. Nothing of them is left.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeContainerInstancesCommand,
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type ContainerInstance,
  type RegisterTaskDefinitionCommandInput,
  type Task,
} from "@aws-sdk/client-ecs";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import { findPlace, type Place } from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { snapshotMachine, type MachineSnapshot } from "#tests/support/leaks.ts";
import { makeMachine, type OtherMachine } from "#tests/support/other-machine.ts";

const run = promisify(execFile);
const CLUSTER = "join";

let before: MachineSnapshot;
let estiba: Estiba;
let far: OtherMachine;
let edge: OtherMachine;
let place: Place;
let local: string;
let joined: string;
let address: string;
let targetGroup: string;
let taskGroup: string;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  before = snapshotMachine();
  far = await makeMachine("jn-far", 152);
  edge = await makeMachine("jn-edge", 153);
  estiba = await startEstiba({ vpc: 152, flags: ["--join-address", far.here] });
  for (const folder of [estiba.dataDirectory, far.dataDirectory, edge.dataDirectory])
    await buildDemoImage(join(stateFolder(folder).images, "demo.tar"));
  const { ecs, ec2 } = estiba.clients;
  place = await findPlace(estiba.clients);
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const hosts = await securityGroup("hosts", { IpRanges: [{ CidrIp: "10.152.0.0/16" }] }, 0, 65_535);
  taskGroup = await securityGroup("tasks", {}, 8080);
  const launched = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: place.subnets[0]?.id,
      SecurityGroupIds: [hosts],
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(`#!/bin/sh\necho ECS_CLUSTER=${CLUSTER} >> /etc/ecs/ecs.config\n`).toString(
        "base64",
      ),
    }),
  );
  local = launched.Instances?.[0]?.InstanceId ?? "";
  const options = [
    "--cluster",
    CLUSTER,
    "--type",
    "t3.small",
    "--groups",
    hosts,
    "--subnet",
    place.subnets[0]?.id ?? "",
  ];
  const said = await far.command("agent", "-d", ...(await joinArguments(...options)));
  joined = /joined as (i-[0-9a-f]{17}) \(t3\.small\)/.exec(said)?.[1] ?? "";
  await connected(2);
}, 180_000);
afterAll(async () => {
  for (const close of closers) await close();
  await estiba?.destroy();
  await far?.destroy();
  await edge?.destroy();
}, 120_000);

/** What `join-token` says to type on the other machine. */
async function joinArguments(...options: string[]): Promise<string[]> {
  const said = await estiba.command("join-token", ...options);
  return /^estiba agent (--join \S+ --token \S+)$/m.exec(said)?.[1]?.split(" ") ?? [];
}

async function securityGroup(name: string, peers: IpPermission, from: number, to = from): Promise<string> {
  const { ec2 } = estiba.clients;
  const { GroupId = "" } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: name, VpcId: place.vpcId }),
  );
  const own = Object.keys(peers).length === 0 ? { UserIdGroupPairs: [{ GroupId }] } : peers;
  await ec2.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId,
      IpPermissions: [{ IpProtocol: "tcp", FromPort: from, ToPort: to, ...own }],
    }),
  );
  return GroupId;
}

async function hostsOfCluster(): Promise<readonly ContainerInstance[]> {
  const { ecs } = estiba.clients;
  const { containerInstanceArns = [] } = await ecs.send(
    new ListContainerInstancesCommand({ cluster: CLUSTER }),
  );
  if (containerInstanceArns.length === 0) return [];
  const { containerInstances = [] } = await ecs.send(
    new DescribeContainerInstancesCommand({ cluster: CLUSTER, containerInstances: containerInstanceArns }),
  );
  return containerInstances;
}
const hostOf = async (id: string) => (await hostsOfCluster()).find((h) => h.ec2InstanceId === id);
const connected = (count: number) =>
  eventually(`${count} hosts are connected`, async () => {
    const all = await hostsOfCluster();
    return all.filter((h) => h.agentConnected === true).length === count ? all : undefined;
  });

async function tasks(family: string): Promise<readonly Task[]> {
  const { ecs } = estiba.clients;
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster: CLUSTER, family }));
  if (taskArns.length === 0) return [];
  return (await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: taskArns }))).tasks ?? [];
}
const running = (family: string, count: number) =>
  eventually(
    `${count} tasks of ${family} run`,
    async () => {
      const all = await tasks(family);
      return all.filter((t) => t.lastStatus === "RUNNING").length === count ? all : undefined;
    },
    90,
  );

const define = (family: string, more: Partial<RegisterTaskDefinitionCommandInput>, hostPort?: number) =>
  estiba.clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      containerDefinitions: [
        {
          name: "web",
          image: DEMO_IMAGE,
          memory: 64,
          stopTimeout: 2,
          portMappings: [{ containerPort: 8080, ...(hostPort === undefined ? {} : { hostPort }) }],
        },
      ],
      ...more,
    }),
  );

const dataOf = (id: string) => (id === joined ? far.dataDirectory : estiba.dataDirectory);
const docker = async (id: string, ...args: string[]) => {
  const layout = hostLayout(sharedLayout(stateFolder(dataOf(id)).hosts, "any"), id);
  const command = ["-H", `unix://${layout.socket}`, ...args];
  // What is refused by a security group is not answered at all.
  return (await run("docker", command, { timeout: 10_000 })).stdout.trim();
};
const containersOf = async (id: string) => (await docker(id, "ps", "-q", "--no-trunc")).split("\n").sort();
/** What a task's container gets from an address; undefined when it gets nothing. */
const get = (id: string, runtimeId: string, url: string) =>
  docker(id, "exec", runtimeId, "wget", "-q", "-O", "-", url).then(
    (page) => page || undefined,
    () => undefined,
  );

async function answering(requests: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let i = 0; i < requests; i++) {
    const answer = await fetch(`http://${address}/`);
    expect(answer.status).toBe(200);
    found.add(await answer.text());
  }
  return found;
}

describe.sequential("another machine that joined as an instance", () => {
  it("is an EC2 instance with an address in the VPC, and a container instance with its credentials", async () => {
    const { Reservations } = await estiba.clients.ec2.send(
      new DescribeInstancesCommand({ InstanceIds: [joined] }),
    );
    expect(Reservations?.[0]?.Instances?.[0]).toMatchObject({
      State: { Name: "running" },
      InstanceType: "t3.small",
      PrivateIpAddress: expect.stringMatching(/^10\.152\./) as string,
    });
    const host = await hostOf(joined);
    expect(host).toMatchObject({ status: "ACTIVE", agentConnected: true });
    expect(host?.registeredResources?.find((r) => r.name === "MEMORY")?.integerValue).toBe(2048);
    // The token is spent; the machine asks with its own key.
    await expect(far.command("agent", "-d")).resolves.toContain(`joined as ${joined}`);
  });

  it("runs bridge tasks on dynamic ports, which the load balancer reaches there as here", async () => {
    const { ecs, elbv2 } = estiba.clients;
    const group = await elbv2.send(
      new CreateTargetGroupCommand({
        Name: "bridge",
        Protocol: "HTTP",
        Port: 80,
        VpcId: place.vpcId,
        HealthCheckIntervalSeconds: 5,
        HealthCheckTimeoutSeconds: 2,
      }),
    );
    targetGroup = group.TargetGroups?.[0]?.TargetGroupArn ?? "";
    const open = await securityGroup("balancer", { IpRanges: [{ CidrIp: "0.0.0.0/0" }] }, 80);
    const balancer = await elbv2.send(
      new CreateLoadBalancerCommand({
        Name: "join",
        Subnets: place.subnets.slice(0, 2).map((s) => s.id),
        SecurityGroups: [open],
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
    await define("bridge", {}, 0);
    await ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: "bridge",
        taskDefinition: "bridge",
        desiredCount: 2,
        placementStrategy: [{ type: "spread", field: "instanceId" }],
        loadBalancers: [{ targetGroupArn: targetGroup, containerName: "web", containerPort: 8080 }],
      }),
    );
    const two = await running("bridge", 2);
    expect(new Set(two.map((t) => t.containerInstanceArn)).size).toBe(2);
    await eventually("both targets are healthy", bothHealthy);
    address = await eventually("the load balancer has a name", async () => {
      const { stdout } = await run("getent", ["hosts", DNSName]).catch(() => ({ stdout: "" }));
      return stdout.trim().split(/\s+/)[0] || undefined;
    });
    expect((await answering(20)).size).toBe(2);
  }, 120_000);

  it("runs awsvpc tasks, which reach those of other hosts by their own addresses, as their groups allow", async () => {
    await define("eni", { networkMode: "awsvpc" });
    const pair = await Promise.all([local, joined].map((id) => startOn(id, "eni", [taskGroup])));
    const [here, there] = await Promise.all(pair.map(whenRunning));
    if (here === undefined || there === undefined) throw new Error("There are not two tasks.");
    const url = (task: Task) =>
      `http://${task.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address ?? ""}:8080/`;
    const idOf = (task: Task) => task.containers?.[0]?.runtimeId ?? "";
    const ofHere = await eventually("there reaches here", () => get(joined, idOf(there), url(here)));
    const ofThere = await eventually("here reaches there", () => get(local, idOf(here), url(there)));
    expect(ofHere).not.toBe(ofThere);
    // A bridge task speaks for its host, which is in another group.
    const [bridge] = (await tasks("bridge")).filter(
      (t) => t.containerInstanceArn === here.containerInstanceArn,
    );
    expect(await get(local, bridge?.containers?.[0]?.runtimeId ?? "", url(there))).toBeUndefined();
    // Two on one machine meet in the VPC as well.
    const second = await whenRunning(await startOn(joined, "eni", [taskGroup]));
    expect(
      await eventually("the second reaches the first", () => get(joined, idOf(second), url(there))),
    ).toBe(ofThere);
    const metadata = await docker(
      joined,
      ...["exec", idOf(there), "sh", "-c", 'wget -q -O - "$ECS_CONTAINER_METADATA_URI_V4"'],
    );
    expect(metadata).toContain(idOf(there));
    for (const task of [here, there, second])
      await estiba.clients.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: task.taskArn ?? "" }));
    await eventually("they are gone", async () => (await tasks("eni")).length === 0 || undefined);
  }, 180_000);

  it("keeps its tasks while its network is cut, which nobody replaces, and is taken up again as it is", async () => {
    // Not behind a load balancer, whose checks would have the service replace what they cannot reach, as on AWS.
    await define("plain", {}, 0);
    await estiba.clients.ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: "plain",
        taskDefinition: "plain",
        desiredCount: 2,
        placementStrategy: [{ type: "spread", field: "instanceId" }],
      }),
    );
    const arns = (await running("plain", 2)).map((t) => t.taskArn).sort();
    const ids = await containersOf(joined);
    const plainTasks = async () => (await tasks("plain")).map((t) => t.taskArn).sort();
    closers.push(() => far.setLink(true).catch(() => undefined));
    await far.setLink(false);
    await eventually(
      "the host shows as not connected",
      async () => (await hostOf(joined))?.agentConnected === false || undefined,
      240,
    );
    expect(await containersOf(joined)).toEqual(ids);
    expect(await plainTasks()).toEqual(arns);
    expect((await answering(10)).size).toBeGreaterThan(0);
    await far.setLink(true);
    await eventually(
      "it is connected again",
      async () => (await hostOf(joined))?.agentConnected === true || undefined,
      240,
    );
    expect(await plainTasks()).toEqual(arns);
    // The bridge service may have replaced its task there meanwhile: those that it left are still the same containers.
    const now = await containersOf(joined);
    const plainHere = (await tasks("plain")).flatMap((t) => t.containers ?? []).map((c) => c.runtimeId ?? "");
    const kept = ids.filter((id) => plainHere.includes(id));
    expect(kept).toHaveLength(1);
    expect(now).toEqual(expect.arrayContaining(kept));
    await eventually("both targets are healthy", bothHealthy);
    await eventually("both answer", async () => (await answering(10)).size === 2 || undefined);
  }, 600_000);

  it("gives its service's task up when it is silent for as long as was asked for, and stops it when it is back", async () => {
    const before = await tasks("plain");
    const there = (task: Task) => task.containerInstanceArn === hostArn;
    const hostArn = (await hostOf(joined))?.containerInstanceArn;
    const given = before.find(there);
    const container = given?.containers?.[0]?.runtimeId ?? "";
    expect(await containersOf(joined)).toContain(container);
    await far.setLink(false);
    // Another life of the control plane, which has the setting: it has not heard the host at all.
    process.kill(estiba.pid(), "SIGKILL");
    await estiba.up("--replace-tasks-after", "5s");
    const replaced = await eventually(
      "the other host runs both",
      async () => {
        const running = (await tasks("plain")).filter((t) => t.lastStatus === "RUNNING" && !there(t));
        return running.length === 2 ? running : undefined;
      },
      120,
    );
    expect(replaced.map((t) => t.taskArn)).not.toContain(given?.taskArn);
    expect(await containersOf(joined)).toContain(container);
    await far.setLink(true);
    await eventually(
      "the old copy is stopped",
      async () => ((await containersOf(joined)).includes(container) ? undefined : true),
      240,
    );
    await running("plain", 2);
    await eventually("both targets are healthy", bothHealthy, 120);
  }, 600_000);
});

describe.sequential("another machine that joined as an external one", () => {
  let managed: string;

  it("is a managed instance with an engine of its own, for tasks of the launch type EXTERNAL", async () => {
    const { ecs } = estiba.clients;
    const socket = await edge.startEngine();
    const args = await joinArguments("--external", "--cluster", CLUSTER);
    const said = await edge.command("agent", "-d", "--docker-host", `unix://${socket}`, ...args);
    managed = /joined as (mi-[0-9a-f]{17}) \(EXTERNAL\)/.exec(said)?.[1] ?? "";
    await connected(3);
    const host = await hostOf(managed);
    expect(host?.attributes?.map((a) => a.name)).toContain("ecs.capability.external");
    expect(host?.attributes?.map((a) => a.name)).not.toContain("ecs.capability.task-eni");
    await define("outside", { requiresCompatibilities: ["EXTERNAL"], networkMode: "bridge" }, 8181);
    const { tasks: started = [], failures } = await ecs.send(
      new RunTaskCommand({ cluster: CLUSTER, taskDefinition: "outside", launchType: "EXTERNAL" }),
    );
    expect(failures).toEqual([]);
    const [task] = await running("outside", 1);
    expect(task).toMatchObject({ taskArn: started[0]?.taskArn, launchType: "EXTERNAL" });
    expect(task?.containerInstanceArn).toBe(host?.containerInstanceArn);
    expect((await fetch(`http://${edge.there}:8181/`)).status).toBe(200);
  }, 120_000);

  it("has no interfaces for tasks and no load balancers", async () => {
    const { ecs } = estiba.clients;
    await expect(
      ecs.send(
        new RunTaskCommand({
          cluster: CLUSTER,
          taskDefinition: "eni",
          launchType: "EXTERNAL",
          networkConfiguration: { awsvpcConfiguration: { subnets: [place.subnets[0]?.id ?? ""] } },
        }),
      ),
    ).rejects.toThrow("EXTERNAL");
    await expect(
      ecs.send(
        new CreateServiceCommand({
          cluster: CLUSTER,
          serviceName: "outside",
          taskDefinition: "outside",
          launchType: "EXTERNAL",
          desiredCount: 1,
          loadBalancers: [{ targetGroupArn: targetGroup, containerName: "web", containerPort: 8080 }],
        }),
      ),
    ).rejects.toThrow("Load balancers are not supported for services with the launch type EXTERNAL.");
  });
});

describe.sequential("machines that are no hosts any more", () => {
  it("take back what they had, told or by themselves, and nothing is left", async () => {
    await estiba.clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [joined] }));
    await eventually(
      "the machine has removed its host",
      () => !existsSync(join(far.dataDirectory, "machine.json")) || undefined,
      60,
    );
    await far.command("agent", "--leave");
    await edge.command("agent", "--leave");
    await estiba.destroy();
    await far.destroy();
    await edge.destroy();
    expect(snapshotMachine()).toEqual(before);
  }, 180_000);
});

const healthyCount = async () => {
  const { TargetHealthDescriptions = [] } = await estiba.clients.elbv2.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }),
  );
  return TargetHealthDescriptions.filter((t) => t.TargetHealth?.State === "healthy").length;
};
const bothHealthy = async () => ((await healthyCount()) === 2 ? true : undefined);

async function startOn(id: string, taskDefinition: string, securityGroups: string[]): Promise<string> {
  const { tasks: started = [], failures = [] } = await estiba.clients.ecs.send(
    new RunTaskCommand({
      cluster: CLUSTER,
      taskDefinition,
      placementConstraints: [{ type: "memberOf", expression: `ec2InstanceId == ${id}` }],
      networkConfiguration: {
        awsvpcConfiguration: { subnets: place.subnets.slice(0, 1).map((s) => s.id), securityGroups },
      },
    }),
  );
  expect(failures).toEqual([]);
  return started[0]?.taskArn ?? "";
}

const whenRunning = (arn: string): Promise<Task> =>
  eventually(
    "the task runs",
    async () => {
      const { tasks: [task] = [] } = await estiba.clients.ecs.send(
        new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }),
      );
      if (task?.lastStatus === "STOPPED") throw new Error(task.stoppedReason);
      return task?.lastStatus === "RUNNING" ? task : undefined;
    },
    60,
  );
