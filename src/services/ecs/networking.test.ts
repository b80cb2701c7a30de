// awsvpc through the API: what is asked for is checked as AWS checks it, shown where clients look for it, and a change of it is a
// new deployment.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AwsVpcConfiguration, RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";
import { addSubnets, allTasks, changeTask, interfaceAttributes, REGION } from "#controllers/world.suite.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import { subnets, securityGroups } from "#store/tables/ec2.ts";
import { reportTask } from "#domain/ecs/task-transitions.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, container, type PlacingFixture } from "./placing.suite.ts";
import { entry, serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";
import { taskCalls, type TaskCalls } from "./task-calls.suite.ts";

let f: PlacingFixture;
let tasks: TaskCalls;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  tasks = taskCalls(f);
  web = serviceCalls(f);
  await addSubnets(f.world, ["us-east-1a", "us-east-1b"]);
  await f.world.store.transact((tx) => {
    const other = tx.get(subnets, ec2Key(REGION, "subnet-1")) as SubnetRow;
    tx.put(subnets, ec2Key(REGION, "subnet-9"), { ...other, id: "subnet-9", vpcId: "vpc-2" });
    const group = tx.get(securityGroups, ec2Key(REGION, "sg-1"));
    if (group !== undefined) {
      tx.put(securityGroups, ec2Key(REGION, "sg-2"), { ...group, id: "sg-2", name: "web" });
      tx.put(securityGroups, ec2Key(REGION, "sg-9"), { ...group, id: "sg-9", vpcId: "vpc-2" });
    }
  });
  await f.define("web", { networkMode: "awsvpc" });
  await f.define("bridged");
  await tasks.addInstance(1, { attributes: interfaceAttributes() });
});
afterEach(() => f.close());

const network = (more: Partial<AwsVpcConfiguration> = {}) => ({
  networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-0"], ...more } },
});

describe("a task definition in network mode awsvpc", () => {
  it("needs an agent that can do it, is for EC2, and has equal ports", async () => {
    const { taskDefinition } = await f.client.describeTaskDefinition({ taskDefinition: "web" });
    expect(taskDefinition).toMatchObject({
      networkMode: "awsvpc",
      compatibilities: ["EC2"],
      requiresAttributes: [{ name: "ecs.capability.task-eni" }],
      containerDefinitions: [{ portMappings: [{ containerPort: 80, hostPort: 80, protocol: "tcp" }] }],
    });
  });

  const refusals: readonly (readonly [string, Partial<Parameters<typeof container>[0]>])[] = [
    [
      "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
      { portMappings: [{ containerPort: 80, hostPort: 8080 }] },
    ],
    ["Links are not supported when networkMode=awsvpc.", { links: ["app"] }],
    ...["hostname", "dnsServers", "dnsSearchDomains", "extraHosts"].map(
      (setting) =>
        [
          `Invalid '${setting}' setting for container 'app'. It is not supported when networkMode=awsvpc.`,
          {
            [setting]:
              setting === "hostname"
                ? "h"
                : setting === "extraHosts"
                  ? [{ hostname: "a", ipAddress: "1.2.3.4" }]
                  : ["1.2.3.4"],
          },
        ] as const,
    ),
  ];
  it.each(refusals)("is refused: %s", async (message, more) => {
    const input = {
      family: "x",
      networkMode: "awsvpc",
      containerDefinitions: [container(more)],
    } as RegisterTaskDefinitionCommandInput;
    expect(await refusal(f.client.registerTaskDefinition(input))).toBe(`ClientException: ${message}`);
  });
});

describe("a network configuration", () => {
  const ids = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}-${i}`);
  it.each([
    ["Network Configuration must be provided when networkMode 'awsvpc' is specified.", {}],
    ["subnets can not be empty.", network({ subnets: [] })],
    ["subnets can have at most 16 items.", network({ subnets: ids("subnet", 17) })],
    [
      "Error retrieving subnet information for [subnet-7]: The subnet ID 'subnet-7' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
      network({ subnets: ["subnet-0", "subnet-7"] }),
    ],
    ["The subnets specified do not belong to the same VPC.", network({ subnets: ["subnet-0", "subnet-9"] })],
    ["securityGroups can have at most 5 items.", network({ securityGroups: ids("sg", 6) })],
    [
      "Error retrieving security group information for [sg-7]: The security group 'sg-7' does not exist (ErrorCode: InvalidGroup.NotFound)",
      network({ securityGroups: ["sg-7"] }),
    ],
    [
      "Security Group sg-9 does not appear to belong to the same VPC as the input subnets.",
      network({ securityGroups: ["sg-9"] }),
    ],
    ["Assign public IP is not supported for this launch type.", network({ assignPublicIp: "ENABLED" })],
    [
      "Network Configuration is not valid for the given networkMode of this task definition.",
      { taskDefinition: "bridged", ...network() },
    ],
  ])("is refused by RunTask and CreateService: %s", async (message, input) => {
    expect(await refusal(tasks.run(input))).toBe(`InvalidParameterException: ${message}`);
    expect(await refusal(web.create(input))).toBe(`InvalidParameterException: ${message}`);
  });

  it("is not for the launch type EXTERNAL", async () => {
    expect(await refusal(tasks.run({ ...network(), launchType: "EXTERNAL" }))).toBe(
      "InvalidParameterException: Task definition does not support launch_type EXTERNAL.",
    );
  });
});

describe("an awsvpc task", () => {
  it("shows its attachment, and its address with each container", async () => {
    const { tasks: started } = await tasks.run(network());
    const { attachment } = allTasks(f.world)[0] ?? {};
    const details = {
      subnetId: "subnet-0",
      networkInterfaceId: attachment?.networkInterfaceId,
      macAddress: attachment?.macAddress,
      privateDnsName: "ip-10-64-0-4.ec2.internal",
      privateIPv4Address: "10.64.0.4",
    };
    expect(started).toMatchObject([
      {
        lastStatus: "PROVISIONING",
        attachments: [
          {
            id: attachment?.id,
            type: "ElasticNetworkInterface",
            status: "PRECREATED",
            details: Object.entries(details).map(([name, value]) => ({ name, value })),
          },
        ],
        containers: [
          { networkInterfaces: [{ attachmentId: attachment?.id, privateIpv4Address: "10.64.0.4" }] },
        ],
      },
    ]);
  });

  it("counts as pending while it is provisioned, and finds no place where no interface is left", async () => {
    await tasks.run(network());
    await tasks.run(network());
    const { tasks: placed, failures } = await tasks.run(network());
    expect(placed).toEqual([]);
    expect(failures).toMatchObject([{ reason: "RESOURCE:ENI" }]);
    const { clusters } = await f.client.describeClusters({ clusters: ["main"] });
    expect(clusters?.[0]?.pendingTasksCount).toBe(2);
    for (const task of allTasks(f.world))
      await changeTask(f.world, task, (t) =>
        reportTask(t, { containers: [], attached: [t.attachment?.id ?? ""] }, 1),
      );
    expect(allTasks(f.world).map((t) => t.lastStatus)).toEqual(["PENDING", "PENDING"]);
  });
});

describe("an awsvpc service", () => {
  it("shows its network with the VPC's default group filled in, and a change of it is a new deployment", async () => {
    const shown = (more: Partial<AwsVpcConfiguration>) => ({
      awsvpcConfiguration: {
        subnets: ["subnet-0"],
        securityGroups: ["sg-1"],
        assignPublicIp: "DISABLED",
        ...more,
      },
    });
    const created = await web.create(network());
    expect(created?.networkConfiguration).toEqual(shown({}));
    expect(created?.deployments?.[0]?.networkConfiguration).toEqual(shown({}));
    const first = created?.deployments?.[0]?.id;
    const same = await web.update(network());
    expect(same?.deployments?.map((d) => d.id)).toEqual([first]);
    const scaled = await web.update({ desiredCount: 3 });
    expect(scaled?.deployments?.map((d) => d.id)).toEqual([first]);
    const changed = await web.update(network({ securityGroups: ["sg-2"] }));
    expect(changed?.deployments?.map((d) => [d.status, d.networkConfiguration])).toEqual([
      ["PRIMARY", shown({ securityGroups: ["sg-2"] })],
      ["ACTIVE", shown({})],
    ]);
    const { serviceRevisions } = await f.client.describeServiceRevisions({
      serviceRevisionArns: [changed?.currentServiceRevisions?.[0]?.arn ?? ""],
    });
    expect(serviceRevisions?.[0]?.networkConfiguration).toEqual(shown({ securityGroups: ["sg-2"] }));
  });

  it("keeps its network with another awsvpc definition, and has none with a definition of another mode", async () => {
    await web.create(network());
    await f.define("web", { networkMode: "awsvpc" });
    const kept = await web.update({ taskDefinition: "web" });
    expect(kept?.networkConfiguration?.awsvpcConfiguration?.subnets).toEqual(["subnet-0"]);
    const bridged = await web.update({ taskDefinition: "bridged" });
    expect(bridged?.networkConfiguration).toBeUndefined();
    expect(await refusal(web.update({ taskDefinition: "web" }))).toBe(
      "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    );
  });

  it("is answered again by an equal creation, and not by one with another network", async () => {
    await web.create(network());
    expect((await web.create(network()))?.deployments).toHaveLength(1);
    expect(await refusal(web.create(network({ subnets: ["subnet-1"] })))).toBe(
      "InvalidParameterException: Creation of service was not idempotent.",
    );
  });

  it("goes with target groups of type ip, and a bridge service with those of type instance", async () => {
    const ip = await f.targetGroup("ip", { targetType: "ip" });
    const instance = await f.targetGroup("instance");
    expect(await refusal(web.create({ ...network(), loadBalancers: [entry(instance)] }))).toContain(
      "has target type instance, which is incompatible with the awsvpc network mode specified in the task definition.",
    );
    expect(await refusal(web.create({ taskDefinition: "bridged", loadBalancers: [entry(ip)] }))).toContain(
      "has target type ip, which is incompatible with the bridge network mode",
    );
    expect((await web.create({ ...network(), loadBalancers: [entry(ip)] }))?.status).toBe("ACTIVE");
  });
});
