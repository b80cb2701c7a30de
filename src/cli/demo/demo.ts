// The demo: the whole picture through the public endpoint, then a rolling deployment under load, then everything removed.
import type { Connection } from "../connection.ts";
import { clientsFor } from "../connection.ts";
import type { Progress } from "../progress.ts";
import { drawPicture, type PictureInstance } from "./picture.ts";
import { get, startLoad } from "./requests.ts";
import * as stack from "./stack.ts";
import { until } from "./wait.ts";

const TASKS = 4;
const REQUESTS = 40;
const REQUESTS_PER_SECOND = 200;

export interface DemoOptions {
  readonly connection: Connection;
  readonly progress: Progress;
  /** The image of the demo's web container, already in the image store. */
  readonly image: string;
  /** Leave everything running at the end. */
  readonly keep: boolean;
}

/** @throws Error when a step fails, not all tasks answered, or a request failed during the deployment */
export async function runDemo({ connection, progress, image, keep }: DemoOptions): Promise<void> {
  const clients = clientsFor(connection);
  try {
    await progress.step("Remove what an earlier run left", (update) => remove(clients, update));
    await progress.step("Create the cluster", () => stack.createCluster(clients));
    const place = await progress.step("Create the security groups", async () =>
      stack.createSecurityGroups(clients, await stack.findPlace(clients)),
    );
    const instanceIds = await progress.step("Start two instances in two zones", async (update) => {
      const ids = await stack.runInstances(clients, place);
      await until("The instances", 120, update, async () => {
        const joined = (await stack.containerInstances(clients)).filter((c) => c.agentConnected).length;
        const detail = `${joined} of ${ids.length} agents connected`;
        return joined === ids.length ? { done: true, detail } : { detail };
      });
      return ids;
    });
    const balancer = await progress.step(
      "Create the target group, the load balancer and its listener",
      async (update) => {
        const made = await stack.createLoadBalancer(clients, place);
        await until("The load balancer", 60, update, async () => {
          const state = await stack.loadBalancerState(clients, made.arn);
          return state === "active" ? { done: true } : { detail: state };
        });
        return made;
      },
    );
    const first = await stack.registerRevision(clients, image, "1");
    await progress.step(`Create the service with ${TASKS} tasks`, async (update) => {
      await stack.createService(clients, first, balancer, TASKS);
      await settled(clients, balancer, update);
    });
    const picture = await readPicture(clients, instanceIds);
    progress.say(`\n${drawPicture(balancer.dnsName, 80, picture)}\n`);
    const url = `http://${balancer.dnsName}/`;
    if (connection.engine === "sim") {
      progress.say(
        "The containers are simulated and answer no request; a real run sends some through the load balancer.\n",
      );
      await progress.step("Deploy a second revision", async (update) => {
        await stack.updateService(clients, await stack.registerRevision(clients, image, "2"));
        await settled(clients, balancer, update);
      });
    } else {
      await progress.step(`Send ${REQUESTS} requests through the load balancer`, (update) =>
        sendRequests(clients, url, update),
      );
      await progress.step("Deploy a second revision under load", (update) =>
        deployUnderLoad(clients, balancer, image, url, update),
      );
    }
    progress.say(`\n${drawPicture(balancer.dnsName, 80, await readPicture(clients, instanceIds))}\n`);
    if (keep) {
      progress.say(whatNext(connection, url));
    } else {
      await progress.step("Clean up", (update) => remove(clients, update));
    }
  } finally {
    clients.close();
  }
}

/** Only removes what a demo left. */
export async function cleanDemo(connection: Connection, progress: Progress): Promise<void> {
  const clients = clientsFor(connection);
  try {
    await progress.step("Clean up", (update) => remove(clients, update));
  } finally {
    clients.close();
  }
}

async function deployUnderLoad(
  clients: stack.Clients,
  balancer: stack.LoadBalancer,
  image: string,
  url: string,
  update: (detail: string) => void,
): Promise<void> {
  const second = await stack.registerRevision(clients, image, "2");
  const load = startLoad(url, REQUESTS_PER_SECOND);
  const deployed = stack
    .updateService(clients, second)
    .then(() => settled(clients, balancer, (detail) => update(`${detail}, ${load.sent()} requests sent`)));
  const [outcome] = await Promise.allSettled([deployed]);
  const result = await load.stop();
  if (outcome.status === "rejected") throw outcome.reason as Error;
  update(`${result.sent} requests, ${result.failed} failed`);
  if (result.failed > 0)
    throw new Error(`${result.failed} of ${result.sent} requests failed: ${result.failures.join("; ")}`);
}

/** One deployment, every task running, every target healthy. */
async function settled(
  clients: stack.Clients,
  balancer: stack.LoadBalancer,
  update: (detail: string) => void,
): Promise<void> {
  await until("The deployment", 180, update, async () => {
    const service = await stack.describeService(clients);
    const healthy = await stack.healthyTargets(clients, balancer);
    const primary = service?.deployments?.find((d) => d.status === "PRIMARY");
    const done =
      service?.deployments?.length === 1 &&
      primary?.rolloutState === "COMPLETED" &&
      service.runningCount === TASKS &&
      healthy === TASKS;
    const detail = `${primary?.runningCount ?? 0} of ${TASKS} tasks running, ${healthy} targets healthy`;
    return done ? { done, detail } : { detail };
  });
}

async function readPicture(
  clients: stack.Clients,
  instanceIds: readonly string[],
): Promise<readonly PictureInstance[]> {
  const [tasks, hosts, instances] = await Promise.all([
    stack.runningTasks(clients),
    stack.containerInstances(clients),
    stack.describeInstances(clients, instanceIds),
  ]);
  const hostOf = new Map(hosts.map((h) => [h.containerInstanceArn, h.ec2InstanceId]));
  return instances
    .map((instance) => ({
      id: instance.InstanceId ?? "",
      address: instance.PrivateIpAddress ?? "",
      zone: instance.Placement?.AvailabilityZone ?? "",
      tasks: tasks
        .filter((t) => hostOf.get(t.containerInstanceArn) === instance.InstanceId)
        .map((t) => ({
          id: t.taskArn?.split("/").at(-1) ?? "",
          hostPort: t.containers?.[0]?.networkBindings?.[0]?.hostPort ?? 0,
        }))
        .sort((a, b) => a.hostPort - b.hostPort),
    }))
    .sort((a, b) => a.zone.localeCompare(b.zone));
}

/** Every task must have answered: each page names its container, each container its task. */
async function sendRequests(
  clients: stack.Clients,
  url: string,
  update: (detail: string) => void,
): Promise<void> {
  const answers = new Map<string, number>();
  for (let i = 0; i < REQUESTS; i++) {
    const { status, body } = await get(url);
    if (status !== 200) throw new Error(`Request ${i + 1} was answered ${status}: ${body.slice(0, 200)}`);
    const container = /container ([0-9a-f]{12})/.exec(body)?.[1] ?? "unknown";
    answers.set(container, (answers.get(container) ?? 0) + 1);
  }
  const tasks = await stack.runningTasks(clients);
  const counts = tasks.map((task) => {
    const container = task.containers?.[0]?.runtimeId?.slice(0, 12) ?? "";
    return { task: task.taskArn?.split("/").at(-1)?.slice(0, 8) ?? "", count: answers.get(container) ?? 0 };
  });
  update(counts.map((c) => `${c.task} answered ${c.count}`).join(", "));
  const silent = counts.filter((c) => c.count === 0);
  if (counts.length !== TASKS || silent.length > 0) {
    throw new Error(
      `Not every task answered: ${silent.map((s) => s.task).join(", ") || `${counts.length} tasks found`}`,
    );
  }
}

function remove(clients: stack.Clients, update: (detail: string) => void): Promise<void> {
  return stack.removeAll(clients, (what, probe) =>
    until(what, 120, update, async () => {
      const left = await probe();
      return left === undefined ? { done: undefined } : { detail: `${what}: ${left}` };
    }),
  );
}

function whatNext(connection: Connection, url: string): string {
  return [
    "Everything is left running. Try:",
    `  curl ${url}`,
    '  eval "$(bin/estiba.js env)"',
    "  bin/estiba.js aws ecs list-tasks --cluster web",
    "  bin/estiba.js aws ecs update-service --cluster web --service web --desired-count 6",
    "  bin/estiba.js status",
    `Remove everything with: bin/estiba.js demo --clean, then bin/estiba.js down (endpoint ${connection.endpoint})`,
  ].join("\n");
}
