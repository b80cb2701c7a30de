// A service on Fargate behind a load balancer, on real hosts that nobody sees: its tasks answer, one is interrupted and replaced
// without a failed request, and nothing is left of the pool when the service is gone.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupAttributesCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import { findPlace, type Place } from "#cli/demo/stack.ts";
import { systemClock } from "#lib/clock.ts";
import { createSupervisor } from "#server/supervisor.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { snapshotMachine, type MachineSnapshot } from "#tests/support/leaks.ts";

const run = promisify(execFile);
const CLUSTER = "serverless";

/**
 * Beside the server: healthy once it has seen what a task on Fargate may see, and not what it may not: its own metadata, the
 * control plane at the endpoint it was given, and no instance's metadata service.
 */
const SIDECAR = `
until wget -q -O /tmp/page http://127.0.0.1:8080/; do sleep 0.2; done
until wget -q -O /tmp/metadata "$ECS_CONTAINER_METADATA_URI_V4/task"; do sleep 0.2; done
case "$(cat /tmp/metadata)" in *'"LaunchType":"FARGATE"'*) ;; *) exit 7;; esac
case "$(cat /tmp/metadata)" in *VPCID*|*.fargate*) exit 8;; esac
[ "$AWS_EXECUTION_ENV" = AWS_ECS_FARGATE ] || exit 6
until wget -q -O /tmp/health "$AWS_ENDPOINT_URL/healthz"; do sleep 0.2; done
if nc -w 2 169.254.169.254 80 </dev/null; then exit 9; fi
touch /tmp/reached
while :; do sleep 1; done`;

let before: MachineSnapshot;
let estiba: Estiba;
let place: Place;
let targetGroup: string;
let balancerArn: string;
let address: string;
let groups: { readonly balancer: string; readonly tasks: string };

beforeAll(async () => {
  before = snapshotMachine();
  estiba = await startEstiba({ vpc: 151, environment: { ESTIBA_FARGATE_KEEP_MS: "5000" } });
  await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
  const { ecs, elbv2 } = estiba.clients;
  place = await findPlace(estiba.clients);
  await ecs.send(
    new CreateClusterCommand({ clusterName: CLUSTER, capacityProviders: ["FARGATE", "FARGATE_SPOT"] }),
  );
  const balancer = await securityGroup("balancer", { IpRanges: [{ CidrIp: "0.0.0.0/0" }] }, 80);
  const tasks = await securityGroup("tasks", { UserIdGroupPairs: [{ GroupId: balancer }] }, 8080);
  groups = { balancer, tasks };
  const group = await elbv2.send(
    new CreateTargetGroupCommand({
      Name: "fargate",
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
  const made = await elbv2.send(
    new CreateLoadBalancerCommand({
      Name: "fargate",
      Subnets: place.subnets.slice(0, 2).map((s) => s.id),
      SecurityGroups: [groups.balancer],
      Type: "application",
    }),
  );
  const { LoadBalancerArn = "", DNSName = "" } = made.LoadBalancers?.[0] ?? {};
  balancerArn = LoadBalancerArn;
  await elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Protocol: "HTTP",
      Port: 80,
      DefaultActions: [{ Type: "forward", TargetGroupArn: targetGroup }],
    }),
  );
  address = await eventually("the load balancer has a name", async () => {
    const { stdout } = await run("getent", ["hosts", DNSName]).catch(() => ({ stdout: "" }));
    return stdout.trim().split(/\s+/)[0] || undefined;
  });
}, 180_000);
afterAll(async () => estiba?.destroy(), 120_000);

/** A group into which the peers may come at one port. */
async function securityGroup(name: string, peers: object, port: number): Promise<string> {
  const { ec2 } = estiba.clients;
  const { GroupId = "" } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: name, VpcId: place.vpcId }),
  );
  const IpPermissions = [{ IpProtocol: "tcp", FromPort: port, ToPort: port, ...peers }];
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
  return GroupId;
}

const describeTasks = async (arns: readonly string[]): Promise<readonly Task[]> =>
  arns.length === 0
    ? []
    : ((await estiba.clients.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [...arns] })))
        .tasks ?? []);
const tasks = async () =>
  describeTasks((await estiba.clients.ecs.send(new ListTasksCommand({ cluster: CLUSTER }))).taskArns ?? []);
const healthyTargets = async () => {
  const { TargetHealthDescriptions = [] } = await estiba.clients.elbv2.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }),
  );
  return TargetHealthDescriptions.filter((t) => t.TargetHealth?.State === "healthy");
};
const settled = () =>
  eventually(
    "two healthy tasks behind the load balancer",
    async () => {
      const all = await tasks();
      const whole =
        all.length === 2 && all.every((t) => t.lastStatus === "RUNNING" && t.healthStatus === "HEALTHY");
      return whole && (await healthyTargets()).length === 2 ? all : undefined;
    },
    120,
  );

/** Programs of hosts under supervision. */
const engines = async () =>
  (await createSupervisor(stateFolder(estiba.dataDirectory), systemClock).list()).filter((name) =>
    name.startsWith("engine-"),
  );

describe.sequential("a service on Fargate", () => {
  it("comes up behind its load balancer, on hosts that no call shows", async () => {
    const { ecs, ec2 } = estiba.clients;
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: "web",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        containerDefinitions: [
          { name: "web", image: DEMO_IMAGE, stopTimeout: 2, portMappings: [{ containerPort: 8080 }] },
          {
            name: "sidecar",
            image: DEMO_IMAGE,
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
        capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }],
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets: place.subnets.slice(0, 2).map((s) => s.id),
            securityGroups: [groups.tasks],
            assignPublicIp: "ENABLED",
          },
        },
        loadBalancers: [{ targetGroupArn: targetGroup, containerName: "web", containerPort: 8080 }],
      }),
    );
    for (const task of await settled())
      expect(task).toMatchObject({ launchType: "FARGATE", capacityProviderName: "FARGATE_SPOT" });
    const found = new Set<string>();
    for (let i = 0; i < 20; i++) found.add(await (await fetch(`http://${address}/`)).text());
    expect(found.size).toBe(2);
    expect(await engines()).toHaveLength(2);
    expect((await ec2.send(new DescribeInstancesCommand({}))).Reservations).toEqual([]);
    expect(
      (await ecs.send(new ListContainerInstancesCommand({ cluster: CLUSTER }))).containerInstanceArns,
    ).toEqual([]);
  }, 180_000);

  it("loses a task to an interruption without a failed request, and gets another one", async () => {
    const [first] = await tasks();
    const arn = first?.taskArn ?? "";
    let failed = 0;
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        const answer = await fetch(`http://${address}/`).catch(() => undefined);
        if (answer?.status !== 200) failed += 1;
        await answer?.arrayBuffer();
      }
    })();
    expect(await estiba.command("spot", "interrupt", arn)).toContain(`${arn} is interrupted and stops.`);
    const ended = await eventually("it has stopped", async () => {
      const [task] = await describeTasks([arn]);
      return task?.lastStatus === "STOPPED" ? task : undefined;
    });
    expect(ended).toMatchObject({
      stopCode: "SpotInterruption",
      stoppedReason: "Your Spot Task was interrupted.",
    });
    const now = await settled();
    isOver = true;
    await load;
    expect(now.map((t) => t.taskArn)).not.toContain(arn);
    expect(failed).toBe(0);
  }, 180_000);

  it("leaves a host to the next task of its size", async () => {
    const { ecs } = estiba.clients;
    const runOne = async () => {
      const { tasks: [task] = [] } = await ecs.send(
        new RunTaskCommand({
          cluster: CLUSTER,
          taskDefinition: "web",
          launchType: "FARGATE",
          networkConfiguration: {
            awsvpcConfiguration: { subnets: place.subnets.slice(2, 3).map((s) => s.id) },
          },
        }),
      );
      return task?.taskArn ?? "";
    };
    const reached = (arn: string, status: string) =>
      eventually(`the task is ${status}`, async () => {
        const [task] = await describeTasks([arn]);
        return task?.lastStatus === status || undefined;
      });
    const first = await runOne();
    await reached(first, "RUNNING");
    const hosts = await engines();
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: first }));
    await reached(first, "STOPPED");
    const second = await runOne();
    await reached(second, "RUNNING");
    expect(hosts).toEqual(expect.arrayContaining([...(await engines())]));
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: second }));
    await reached(second, "STOPPED");
  }, 120_000);

  it("leaves nothing of the pool when it is deleted, and nothing at all in the end", async () => {
    const { ecs, ec2, elbv2 } = estiba.clients;
    await ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: "web", force: true }));
    await eventually("no task is left", async () => (await tasks()).length === 0 || undefined);
    await eventually("no host is left", async () => (await engines()).length === 0 || undefined);
    await elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: balancerArn }));
    await eventually("no interface is left", async () => {
      const { NetworkInterfaces = [] } = await ec2.send(new DescribeNetworkInterfacesCommand({}));
      return NetworkInterfaces.length === 0 || undefined;
    });
    await estiba.destroy();
    expect(snapshotMachine()).toEqual(before);
  }, 120_000);
});
