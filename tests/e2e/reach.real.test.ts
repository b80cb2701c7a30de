// What a task of each network mode reaches, and by whom it is reached, on real instances: one table. Security groups themselves are
// tested beside (security-groups); here they are open or closed as a whole, and the outside follows routes.
import { createServer, type Server } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import {
  AllocateAddressCommand,
  AssociateRouteTableCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateNatGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  DeleteNatGatewayCommand,
  DescribeImagesCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  DescribeTasksCommand,
  type NetworkMode,
  RegisterTaskDefinitionCommand,
  StartTaskCommand,
} from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import * as stack from "#cli/demo/stack.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";

/** An address of this machine beyond the VPC, for it to be the outside. */
const machineAddress = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal && !one.address.startsWith("10."))?.address;

interface Host {
  readonly address: string;
  readonly containerInstance: string;
}

let estiba: Estiba;
let place: stack.Place;
let groups: { readonly clients: string; readonly servers: string };
let client: Host;
let server: Host;
let awsvpcAddress = "";
let outside: Server;
let asks: Readonly<Record<string, string>>;

beforeAll(async () => {
  estiba = await startEstiba({ vpc: 154 });
  await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
  place = await stack.findPlace(estiba.clients);
  await stack.createCluster(estiba.clients);
  groups = { clients: await createGroup("clients"), servers: await createGroup("servers") };
  const launched = [await launch(groups.clients), await launch(groups.servers)];
  const joined = await eventually("both instances", async () => {
    const all = await stack.containerInstances(estiba.clients);
    return all.filter((one) => one.agentConnected).length === 2 ? all : undefined;
  });
  [client, server] = launched.map(({ id, address }): Host => ({
    address,
    containerInstance: joined.find((c) => c.ec2InstanceId === id)?.containerInstanceArn ?? "",
  })) as [Host, Host];
  await start(server, "host", ["/bin/serve"], 8080);
  await start(server, "bridge", ["/bin/serve"], 8081);
  awsvpcAddress = (await start(server, "awsvpc", ["/bin/serve"], 8080, groups.servers)).address;
  // Of another task on the client's own host: reached on loopback by who shares the host's network.
  await start(client, "host", ["httpd", "-f", "-p", "127.0.0.1:8090", "-h", "/www"]);
  outside = createServer((_, answer) => answer.end("outside"));
  await new Promise<void>((resolve) => outside.listen(0, machineAddress, resolve));
  const { port } = outside.address() as { readonly port: number };
  const get = (url: string, at: string) => `wget -q -O /tmp/page-${at} ${url}`;
  asks = {
    host: get(`http://${server.address}:8080/`, "host"),
    bridge: get(`http://${server.address}:8081/`, "bridge"),
    awsvpc: get(`http://${awsvpcAddress}:8080/`, "awsvpc"),
    "its host's loopback": "nc -w 2 127.0.0.1 8090 </dev/null",
    "task metadata": get("$ECS_CONTAINER_METADATA_URI_V4", "metadata"),
    "instance metadata": "nc -w 2 169.254.169.254 80 </dev/null",
    "control plane": get(`http://10.154.0.2:${new URL(estiba.connection.endpoint).port}/healthz`, "control"),
    outside: get(`http://${machineAddress}:${port}/`, "outside"),
  };
}, 180_000);
afterAll(async () => {
  outside?.close();
  await estiba?.destroy();
}, 120_000);

async function createGroup(name: string): Promise<string> {
  const input = { GroupName: name, Description: "of a test", VpcId: place.vpcId };
  return (await estiba.clients.ec2.send(new CreateSecurityGroupCommand(input))).GroupId ?? "";
}

async function launch(group: string) {
  const { ec2 } = estiba.clients;
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const userData = `#!/bin/bash\necho ECS_CLUSTER=${stack.NAME} >> /etc/ecs/ecs.config\n`;
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: place.subnets[0]?.id,
      SecurityGroupIds: [group],
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(userData).toString("base64"),
    }),
  );
  return { id: Instances?.[0]?.InstanceId ?? "", address: Instances?.[0]?.PrivateIpAddress ?? "" };
}

const describeTask = async (arn: string) => {
  const { tasks } = await estiba.clients.ecs.send(
    new DescribeTasksCommand({ cluster: stack.NAME, tasks: [arn] }),
  );
  return tasks?.[0];
};

/** A task on that host that runs, or has ended. */
async function start(
  host: Host,
  networkMode: NetworkMode,
  command: string[],
  port?: number,
  group = groups.clients,
) {
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
          ...(port === undefined
            ? {}
            : {
                portMappings: [
                  { containerPort: 8080, ...(networkMode === "awsvpc" ? {} : { hostPort: port }) },
                ],
              }),
        },
      ],
    }),
  );
  const { tasks, failures } = await ecs.send(
    new StartTaskCommand({
      cluster: stack.NAME,
      taskDefinition: taskDefinition?.taskDefinitionArn,
      containerInstances: [host.containerInstance],
      ...(networkMode === "awsvpc"
        ? {
            networkConfiguration: {
              awsvpcConfiguration: { subnets: [place.subnets[0]?.id ?? ""], securityGroups: [group] },
            },
          }
        : {}),
    }),
  );
  expect(failures).toEqual([]);
  const arn = tasks?.[0]?.taskArn ?? "";
  const task = await eventually(`the task ${command.join(" ")}`, async () => {
    const found = await describeTask(arn);
    return ["RUNNING", "STOPPED"].includes(found?.lastStatus ?? "") ? found : undefined;
  });
  return { arn, address: task.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address ?? "" };
}

/** What a task of that mode on the client host reaches. The exit code has a bit for each. */
async function reachedBy(mode: NetworkMode): Promise<string[]> {
  const names = Object.keys(asks);
  const questions = names.map((name, i) => `{ ${asks[name]} >/dev/null && >/tmp/answered-${i}; } &`);
  const sums = names.map((_, i) => `[ ! -e /tmp/answered-${i} ] || code=$((code + ${2 ** i}))`);
  const script = [...questions, "sleep 4", "code=0", ...sums, "exit $code"].join("\n");
  const { arn } = await start(client, mode, ["/bin/sh", "-c", script]);
  const code = await eventually("the task's end", async () => {
    const task = await describeTask(arn);
    return task?.lastStatus === "STOPPED" ? (task.containers?.[0]?.exitCode ?? -1) : undefined;
  });
  expect(code).toBeGreaterThanOrEqual(0);
  return names.filter((_, i) => (code & (2 ** i)) > 0);
}

const open = () => ({
  GroupId: groups.servers,
  IpPermissions: [
    {
      IpProtocol: "tcp",
      FromPort: 8080,
      ToPort: 8081,
      UserIdGroupPairs: [{ GroupId: groups.clients }],
    },
  ],
});
/** The instance's metadata too, as on AWS: the images' hop limit is 2, and ECS_AWSVPC_BLOCK_IMDS is not set. */
const own = ["task metadata", "instance metadata", "control plane"];

describe.sequential("a task in mode", () => {
  it.each<[NetworkMode, string[]]>([
    ["none", []],
    ["bridge", [...own, "outside"]],
    ["host", ["its host's loopback", ...own, "outside"]],
    ["awsvpc", own],
  ])(
    "%s reaches %j, and the tasks of another host when their group lets its in",
    async (mode, always) => {
      const sorted = (names: readonly string[]) => Object.keys(asks).filter((name) => names.includes(name));
      expect(await reachedBy(mode)).toEqual(sorted(always));
      await estiba.clients.ec2.send(new AuthorizeSecurityGroupIngressCommand(open()));
      const more = mode === "none" ? [] : ["host", "bridge", "awsvpc"];
      expect(await reachedBy(mode)).toEqual(sorted([...always, ...more]));
      await estiba.clients.ec2.send(new RevokeSecurityGroupIngressCommand(open()));
    },
    120_000,
  );

  it("awsvpc reaches the outside by a NAT gateway's route, as long as there is one", async () => {
    const { ec2 } = estiba.clients;
    const { AllocationId } = await ec2.send(new AllocateAddressCommand({ Domain: "vpc" }));
    // In a subnet that leads to the internet gateway; the tasks' own subnet leads to it, then.
    const { NatGateway } = await ec2.send(
      new CreateNatGatewayCommand({ SubnetId: place.subnets[1]?.id, AllocationId }),
    );
    const NatGatewayId = NatGateway?.NatGatewayId;
    const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId: place.vpcId }));
    const RouteTableId = RouteTable?.RouteTableId;
    await ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId }));
    await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId: place.subnets[0]?.id }));
    expect(await reachedBy("awsvpc")).toEqual([...own, "outside"]);
    expect(await reachedBy("host")).toContain("outside");
    await ec2.send(new DeleteNatGatewayCommand({ NatGatewayId }));
    expect(await reachedBy("awsvpc")).toEqual(own);
    // The instance's public address is of no use without a route to the internet gateway.
    expect(await reachedBy("host")).not.toContain("outside");
  }, 120_000);
});
