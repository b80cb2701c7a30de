// Security groups from the API to the packet, on real instances: what tasks of each network mode reach and by whom they are reached,
// what a load balancer lets through, and a VPC of one's own from its making to its end.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeImagesCommand,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  StartTaskCommand,
  type NetworkMode,
} from "@aws-sdk/client-ecs";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
  RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import * as stack from "#cli/demo/stack.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";

const run = promisify(execFile);
const MACHINE = "10.106.0.2/32";
const tcp = (port: number): IpPermission => ({ IpProtocol: "tcp", FromPort: port, ToPort: port });
const everywhere: IpPermission = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };

let estiba: Estiba;
let place: stack.Place;
let groups: { readonly clients: string; readonly servers: string; readonly balancers: string };
let client: Host;
let server: Host;

interface Host {
  readonly instanceId: string;
  readonly containerInstance: string;
  readonly address: string;
}

beforeAll(async () => {
  estiba = await startEstiba({ vpc: 106 });
  await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
  place = await stack.findPlace(estiba.clients);
  await stack.createCluster(estiba.clients);
  groups = {
    clients: await createGroup("clients"),
    servers: await createGroup("servers"),
    balancers: await createGroup("balancers"),
  };
  const launched = [await launch(groups.clients), await launch(groups.servers)];
  const joined = await eventually("both instances", async () => {
    const all = await stack.containerInstances(estiba.clients);
    return all.filter((one) => one.agentConnected).length === 2 ? all : undefined;
  });
  [client, server] = launched.map((instance): Host => ({
    ...instance,
    containerInstance:
      joined.find((c) => c.ec2InstanceId === instance.instanceId)?.containerInstanceArn ?? "",
  })) as [Host, Host];
  // Ports of the server: 8080 is host mode's, 8081 bridge mode's.
  await start(server, "host", ["/bin/serve"], 8080);
  await start(server, "bridge", ["/bin/serve"], 8081);
}, 180_000);
afterAll(async () => estiba?.destroy(), 120_000);

async function createGroup(name: string, VpcId = place.vpcId): Promise<string> {
  const input = { GroupName: name, Description: "of a test", VpcId };
  return (await estiba.clients.ec2.send(new CreateSecurityGroupCommand(input))).GroupId ?? "";
}

async function launch(group: string, subnet = place.subnets[0]?.id) {
  const { ec2 } = estiba.clients;
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const userData = `#!/bin/bash\necho ECS_CLUSTER=${stack.NAME} >> /etc/ecs/ecs.config\n`;
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnet,
      SecurityGroupIds: [group],
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(userData).toString("base64"),
    }),
  );
  return { instanceId: Instances?.[0]?.InstanceId ?? "", address: Instances?.[0]?.PrivateIpAddress ?? "" };
}

const allow = (group: string, permission: IpPermission) =>
  estiba.clients.ec2.send(
    new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [permission] }),
  );
const revoke = (group: string, permission: IpPermission) =>
  estiba.clients.ec2.send(
    new RevokeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [permission] }),
  );

/** A task on that host; answers its ARN when it runs, or has ended. */
async function start(
  host: Host,
  networkMode: NetworkMode,
  command: string[],
  hostPort?: number,
): Promise<string> {
  const { ecs } = estiba.clients;
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: networkMode,
      networkMode,
      containerDefinitions: [
        {
          name: "one",
          image: DEMO_IMAGE,
          memory: 32,
          command,
          ...(hostPort === undefined ? {} : { portMappings: [{ containerPort: 8080, hostPort }] }),
        },
      ],
    }),
  );
  const { tasks } = await ecs.send(
    new StartTaskCommand({
      cluster: stack.NAME,
      taskDefinition: taskDefinition?.taskDefinitionArn,
      containerInstances: [host.containerInstance],
    }),
  );
  const arn = tasks?.[0]?.taskArn ?? "";
  await eventually(`the task ${command.join(" ")}`, async () =>
    ["RUNNING", "STOPPED"].includes((await describeTask(arn))?.lastStatus ?? "") ? true : undefined,
  );
  return arn;
}

const describeTask = async (arn: string) => {
  const { tasks } = await estiba.clients.ecs.send(
    new DescribeTasksCommand({ cluster: stack.NAME, tasks: [arn] }),
  );
  return tasks?.[0];
};

/** Which of the URLs a task of that mode on the client host gets an answer from. */
async function reachedBy(
  networkMode: NetworkMode,
  urls: Readonly<Record<string, string>>,
): Promise<string[]> {
  const names = Object.keys(urls);
  // busybox's wget has no time limit of its own. The exit code has a bit for each answer.
  const asks = names.map(
    (name, i) => `{ wget -q -O /tmp/page-${i} ${urls[name]} && >/tmp/answered-${i}; } &`,
  );
  const sums = names.map((_, i) => `[ ! -e /tmp/answered-${i} ] || code=$((code + ${2 ** i}))`);
  const script = [...asks, "sleep 3", "code=0", ...sums, "exit $code"].join("\n");
  const arn = await start(client, networkMode, ["/bin/sh", "-c", script]);
  const code = await eventually("the task's end", async () => {
    const task = await describeTask(arn);
    return task?.lastStatus === "STOPPED" ? (task.containers?.[0]?.exitCode ?? -1) : undefined;
  });
  expect(code).toBeGreaterThanOrEqual(0);
  return names.filter((_, i) => (code & (2 ** i)) > 0);
}

const machineReaches = async (url: string): Promise<boolean> =>
  run("curl", ["-s", "-f", "--noproxy", "*", "--max-time", "2", "-o", "/dev/null", url]).then(
    () => true,
    () => false,
  );
/** A rule's change takes a moment to arrive. */
const machineWill = (reach: boolean, url: string) =>
  eventually(`${url} ${reach ? "answers" : "is silent"}`, async () =>
    (await machineReaches(url)) === reach ? true : undefined,
  );

describe("network modes", () => {
  const urls = () => ({
    host: `http://${server.address}:8080/`,
    bridge: `http://${server.address}:8081/`,
    metadata: "$ECS_CONTAINER_METADATA_URI_V4",
    "control plane": `http://10.106.0.2:${new URL(estiba.connection.endpoint).port}/healthz`,
  });

  it.each<{ mode: NetworkMode; closed: string[]; open: string[] }>([
    { mode: "none", closed: [], open: [] },
    {
      mode: "bridge",
      closed: ["metadata", "control plane"],
      open: ["host", "bridge", "metadata", "control plane"],
    },
    {
      mode: "host",
      closed: ["metadata", "control plane"],
      open: ["host", "bridge", "metadata", "control plane"],
    },
  ])(
    "a task in mode $mode reaches $closed, and $open when its instance's group may reach the other's",
    { timeout: 120_000 },
    async ({ mode, closed, open }) => {
      const rule = {
        IpProtocol: "tcp",
        FromPort: 8080,
        ToPort: 8081,
        UserIdGroupPairs: [{ GroupId: groups.clients }],
      };
      expect(await reachedBy(mode, urls())).toEqual(closed);
      await allow(groups.servers, rule);
      expect(await reachedBy(mode, urls())).toEqual(open);
      await revoke(groups.servers, rule);
    },
  );

  it("a task in any mode reaches only what its instance's egress allows", { timeout: 120_000 }, async () => {
    const egress = { GroupId: groups.clients, IpPermissions: [everywhere] };
    await allow(groups.servers, everywhere);
    await estiba.clients.ec2.send(new RevokeSecurityGroupEgressCommand(egress));
    for (const mode of ["bridge", "host"] as const)
      expect(await reachedBy(mode, urls())).toEqual(["metadata", "control plane"]);
    await estiba.clients.ec2.send(new AuthorizeSecurityGroupEgressCommand(egress));
    await revoke(groups.servers, everywhere);
  });

  it.each([
    { mode: "host", port: 8080 },
    { mode: "bridge", port: 8081 },
  ])(
    "the machine reaches a task in mode $mode at its instance's port by a rule for it alone",
    async ({ port }) => {
      const url = `http://${server.address}:${port}/`;
      const rule = { ...tcp(port), IpRanges: [{ CidrIp: MACHINE }] };
      await machineWill(false, url);
      await allow(groups.servers, rule);
      await machineWill(true, url);
      await revoke(groups.servers, rule);
      await machineWill(false, url);
    },
  );
});

it(
  "a load balancer answers whom its group lets in, and reaches targets that refer to its group",
  { timeout: 120_000 },
  async () => {
    const { elbv2 } = estiba.clients;
    const { TargetGroups } = await elbv2.send(
      new CreateTargetGroupCommand({
        Name: "web",
        Protocol: "HTTP",
        Port: 8080,
        VpcId: place.vpcId,
        TargetType: "instance",
        HealthCheckIntervalSeconds: 5,
        HealthCheckTimeoutSeconds: 2,
        HealthyThresholdCount: 2,
        UnhealthyThresholdCount: 2,
      }),
    );
    const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn ?? "";
    await elbv2.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: server.instanceId }] }));
    const { LoadBalancers } = await elbv2.send(
      new CreateLoadBalancerCommand({
        Name: "web",
        Subnets: place.subnets.slice(0, 2).map((s) => s.id),
        SecurityGroups: [groups.balancers],
      }),
    );
    await elbv2.send(
      new CreateListenerCommand({
        LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
        Protocol: "HTTP",
        Port: 80,
        DefaultActions: [{ Type: "forward", TargetGroupArn }],
      }),
    );
    const url = `http://${LoadBalancers?.[0]?.DNSName}/`;
    const health = async (state: string) =>
      eventually(`the target is ${state}`, async () => {
        const { TargetHealthDescriptions } = await elbv2.send(
          new DescribeTargetHealthCommand({ TargetGroupArn }),
        );
        return TargetHealthDescriptions?.[0]?.TargetHealth?.State === state ? true : undefined;
      });
    await health("unhealthy");
    const fromBalancer = { ...tcp(8080), UserIdGroupPairs: [{ GroupId: groups.balancers }] };
    await allow(groups.servers, fromBalancer);
    await health("healthy");

    expect(await machineReaches(url)).toBe(false);
    await allow(groups.balancers, { ...tcp(80), IpRanges: [{ CidrIp: "0.0.0.0/0" }] });
    await machineWill(true, url);
    expect(await machineReaches(`http://${server.address}:8080/`)).toBe(false);

    await revoke(groups.servers, fromBalancer);
    await health("unhealthy");
  },
);

it(
  "a VPC of one's own has a network from its first instance to its end, and its range is free at once",
  { timeout: 180_000 },
  async () => {
    const { ec2 } = estiba.clients;
    const routes = async () => (await run("ip", ["-4", "route"])).stdout;
    const lives: string[] = [];
    for (let life = 0; life < 2; life += 1) {
      const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.105.0.0/16" }));
      const VpcId = Vpc?.VpcId ?? "";
      const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: "10.105.7.0/24" }));
      if (life === 0) expect(await routes()).not.toContain("10.105.0.0/16");
      const group = await createGroup("own", VpcId);
      await allow(group, {
        IpProtocol: "icmp",
        FromPort: 8,
        ToPort: -1,
        IpRanges: [{ CidrIp: "10.105.0.2/32" }],
      });
      const { instanceId, address } = await launch(group, Subnet?.SubnetId);
      await eventually("the instance's agent", async () => {
        const all = await stack.containerInstances(estiba.clients);
        return all.some((one) => one.ec2InstanceId === instanceId && one.agentConnected) ? true : undefined;
      });
      expect(await routes()).toContain("10.105.0.0/16");
      await run("busybox", ["ping", "-c", "1", "-W", "2", address]);
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
      await eventually("the instance's end", async () => {
        const [instance] = await stack.describeInstances(estiba.clients, [instanceId]);
        return instance?.State?.Name === "terminated" ? true : undefined;
      });
      await ec2.send(new DeleteSecurityGroupCommand({ GroupId: group }));
      await ec2.send(new DeleteSubnetCommand({ SubnetId: Subnet?.SubnetId }));
      await ec2.send(new DeleteVpcCommand({ VpcId }));
      lives.push(VpcId);
    }
    await eventually("the networks' end", async () => {
      const { stdout } = await run("ip", ["netns", "list"]);
      return lives.some((id) => stdout.includes(id)) ? undefined : true;
    });
    expect(await routes()).not.toContain("10.105.0.0/16");
  },
);
