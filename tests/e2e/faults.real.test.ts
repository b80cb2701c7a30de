// One cluster of real hosts behind a real load balancer, under an open load of 200 requests a second, half of them on kept-alive
// connections, while everything happens to it that may happen: deployments, stops, reloads, and the death of each program. The
// machine's own firewall forwards nothing meanwhile.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateListenerCommand, DeleteListenerCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import {
  DescribeContainerInstancesCommand,
  ListContainerInstancesCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import * as stack from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { systemClock } from "#lib/clock.ts";
import { stateFolder } from "#server/state-folder.ts";
import { createSupervisor } from "#server/supervisor.ts";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { startLoad, type RunningLoad } from "#tests/support/load.ts";

const run = promisify(execFile);
const DESIRED = 4;

let estiba: Estiba;
let supervisor: Supervisor;
let balancer: stack.LoadBalancer;
let instanceIds: readonly string[];
let address: string;
let revision = 1;
let restoreForwarding: (() => Promise<void>) | undefined;

beforeAll(async () => {
  restoreForwarding = await dropForwarding();
  estiba = await startEstiba({ vpc: 68 });
  supervisor = createSupervisor(stateFolder(estiba.dataDirectory), systemClock);
  await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
  const { clients } = estiba;
  const place = await stack.createSecurityGroups(clients, await stack.findPlace(clients));
  await stack.createCluster(clients);
  instanceIds = await stack.runInstances(clients, place);
  balancer = await stack.createLoadBalancer(clients, place);
  await eventually(
    "two container instances",
    async () => (await stack.containerInstances(clients)).length === 2 || undefined,
  );
  await stack.createService(
    clients,
    await stack.registerRevision(clients, DEMO_IMAGE, String(revision)),
    balancer,
    DESIRED,
  );
  await settled();
  address = await addressOf(balancer.dnsName);
}, 180_000);
afterAll(async () => {
  await estiba?.destroy();
  await restoreForwarding?.();
}, 120_000);
// What a test broke is whole again before the next one begins.
afterEach(() => settled(), 120_000);

/** The machine forwards nothing of its own accord, as Docker, ufw and firewalld leave it. Answers the way back. */
async function dropForwarding(): Promise<() => Promise<void>> {
  const hadTable = /^table ip filter$/m.test((await run("nft", ["list", "tables"])).stdout);
  const { stdout } = await run("iptables", ["-S", "FORWARD"]);
  await run("iptables", ["-P", "FORWARD", "DROP"]);
  return async () => {
    await run("iptables", ["-P", "FORWARD", /^-P FORWARD (\w+)/m.exec(stdout)?.[1] ?? "ACCEPT"]);
    if (!hadTable) await run("nft", ["delete", "table", "ip", "filter"]);
  };
}

async function addressOf(name: string): Promise<string> {
  const { stdout } = await run("getent", ["hosts", name]);
  return stdout.trim().split(/\s+/)[0] ?? "";
}

/** One deployment, every task running, every target healthy, every agent connected. */
const settled = () =>
  eventually(
    "the service is steady and healthy",
    async () => {
      try {
        const { clients } = estiba;
        const service = await stack.describeService(clients);
        const connected = (await stack.containerInstances(clients)).every((i) => i.agentConnected);
        const whole =
          service?.deployments?.length === 1 &&
          service.runningCount === DESIRED &&
          service.pendingCount === 0;
        return (
          (whole && connected && (await stack.healthyTargets(clients, balancer)) === DESIRED) || undefined
        );
      } catch {
        // The control plane may be on its way back.
        return undefined;
      }
    },
    100,
  );

const engineOf = (instanceId: string) =>
  `unix://${hostLayout(sharedLayout(stateFolder(estiba.dataDirectory).hosts, "any"), instanceId).socket}`;

/** Every container on every engine with the time of its start; an engine that is on its way back is waited for. */
const containers = () => eventually("every engine answers", () => listContainers().catch(() => undefined));

async function listContainers(): Promise<readonly string[]> {
  const all = await Promise.all(
    instanceIds.map(async (id) => {
      const host = engineOf(id);
      const ids = (await run("docker", ["-H", host, "ps", "-q", "--no-trunc"])).stdout
        .split("\n")
        .filter(Boolean);
      if (ids.length === 0) return [];
      const format = "{{.Id}} {{.State.StartedAt}} {{.State.Pid}}";
      return (await run("docker", ["-H", host, "inspect", "-f", format, ...ids])).stdout
        .split("\n")
        .filter(Boolean);
    }),
  );
  return all.flat().sort();
}

const pidOf = async (service: string) => {
  const pid = (await supervisor.state(service))?.pid;
  if (pid === undefined) throw new Error(`${service} does not run`);
  return pid;
};
/** SIGKILL, and waits until the supervisor has started another. */
async function killed(service: string): Promise<void> {
  const before = await pidOf(service);
  process.kill(before, "SIGKILL");
  await eventually(`${service} is back`, async () => {
    const state = await supervisor.state(service);
    return state?.running === true && state.pid !== undefined && state.pid !== before ? true : undefined;
  });
}
const haproxy = async () => (await supervisor.list()).find((name) => name.startsWith("haproxy-")) ?? "";
const healthy = () =>
  eventually("the control plane answers", async () => {
    try {
      return (await fetch(`${estiba.connection.endpoint}/healthz`)).ok || undefined;
    } catch {
      return undefined;
    }
  });

async function underLoad(act: () => Promise<void>): Promise<void> {
  const loads: RunningLoad[] = [true, false].map((keepAlive) =>
    startLoad({ host: address, port: 80, requestsPerSecond: 100, keepAlive, connections: 20 }),
  );
  let outcome: unknown;
  try {
    await act();
    // Long enough to tell, however quick it was.
    await eventually("enough requests", () => loads.every((load) => load.sent() >= 300) || undefined);
  } catch (error) {
    outcome = error;
  }
  const results = await Promise.all(loads.map((load) => load.stop()));
  if (outcome !== undefined) throw outcome as Error;
  expect(results.flatMap((r) => r.failures)).toEqual([]);
  for (const { sent, answered } of results) expect(answered).toBe(sent);
}

describe("under load no request fails", () => {
  it("while a deployment rolls to another revision", async () => {
    await underLoad(async () => {
      revision += 1;
      await stack.updateService(
        estiba.clients,
        await stack.registerRevision(estiba.clients, DEMO_IMAGE, String(revision)),
      );
      await settled();
    });
  });

  it("while a task is stopped by StopTask and replaced", async () => {
    await underLoad(async () => {
      const [task] = await stack.runningTasks(estiba.clients);
      await estiba.clients.ecs.send(
        new StopTaskCommand({ cluster: stack.NAME, task: task?.taskArn, reason: "test" }),
      );
      await eventually("the task is gone", async () =>
        (await stack.runningTasks(estiba.clients)).some((t) => t.taskArn === task?.taskArn)
          ? undefined
          : true,
      );
      await settled();
    });
  });

  it("while listeners come and go, each of which reloads the proxy", async () => {
    await underLoad(async () => {
      for (let i = 0; i < 3; i += 1) {
        const { Listeners } = await estiba.clients.elbv2.send(
          new CreateListenerCommand({
            LoadBalancerArn: balancer.arn,
            Protocol: "HTTP",
            Port: 8080 + i,
            DefaultActions: [{ Type: "forward", TargetGroupArn: balancer.targetGroupArn }],
          }),
        );
        await estiba.clients.elbv2.send(
          new DeleteListenerCommand({ ListenerArn: Listeners?.[0]?.ListenerArn }),
        );
      }
    });
  });

  it("while the agents are killed, and no container is restarted", async () => {
    const before = await containers();
    expect(before).toHaveLength(DESIRED);
    await underLoad(async () => {
      for (const id of instanceIds) await killed(`agent-${id}`);
      await settled();
    });
    expect(await containers()).toEqual(before);
  });

  it("while the control plane is killed and started again, and no container is restarted", async () => {
    const before = await containers();
    await underLoad(async () => {
      await killed("server");
      await healthy();
      await settled();
    });
    expect(await containers()).toEqual(before);
  });
});

describe("each program that is killed comes back and no container is restarted", () => {
  const programs = {
    "an agent": () => `agent-${instanceIds[0] ?? ""}`,
    "an engine": () => `engine-${instanceIds[0] ?? ""}`,
    containerd: () => "containerd",
    "HAProxy's master": haproxy,
  };

  it.each(Object.entries(programs))("%s", async (_, name) => {
    const before = await containers();
    await killed(await name());
    await settled();
    expect(await containers()).toEqual(before);
  });

  it("also while the control plane is down", async () => {
    const before = await containers();
    const names = await Promise.all(Object.values(programs).map(async (name) => name()));
    const server = await pidOf("server");
    // Stopped, not ended: its supervisor must not bring it back before the others were killed.
    process.kill(server, "SIGSTOP");
    for (const name of names) await killed(name);
    process.kill(server, "SIGKILL");
    await healthy();
    await settled();
    expect(await containers()).toEqual(before);
  });
});

it("a container that somebody kills is replaced", async () => {
  const before = await stack.runningTasks(estiba.clients);
  const [id = ""] = instanceIds;
  const host = engineOf(id);
  const [container = ""] = (await run("docker", ["-H", host, "ps", "-q"])).stdout.split("\n");
  await run("docker", ["-H", host, "kill", container]);
  await eventually("a task is gone", async () => {
    const now = await stack.runningTasks(estiba.clients);
    return before.every((t) => now.some((n) => n.taskArn === t.taskArn)) ? undefined : true;
  });
  await settled();
});

it("an instance that is terminated leaves nothing, and its tasks run elsewhere", async () => {
  const [id = "", other = ""] = instanceIds;
  await estiba.clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await eventually("the instance is terminated", async () => {
    const [instance] = await stack.describeInstances(estiba.clients, [id]);
    return instance?.State?.Name === "terminated" || undefined;
  });
  instanceIds = [other];
  await settled();
  const { stdout } = await run("sh", [
    "-c",
    `ip netns; cat /proc/mounts; find /sys/fs/cgroup -path '*estiba*' -type d; ps axo args`,
  ]);
  expect(stdout.split("\n").filter((line) => line.includes(id))).toEqual([]);
  const { containerInstanceArns } = await estiba.clients.ecs.send(
    new ListContainerInstancesCommand({ cluster: stack.NAME }),
  );
  const { containerInstances } = await estiba.clients.ecs.send(
    new DescribeContainerInstancesCommand({
      cluster: stack.NAME,
      containerInstances: containerInstanceArns ?? [],
    }),
  );
  expect(containerInstances?.map((i) => i.ec2InstanceId)).toEqual([other]);
});
