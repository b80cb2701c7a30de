// `estiba down` and `estiba up`: what ran is as machines that were switched off and on again.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import { get } from "#cli/demo/requests.ts";
import * as stack from "#cli/demo/stack.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { snapshotMachine } from "#tests/support/leaks.ts";

const DESIRED = 2;
let before: ReturnType<typeof snapshotMachine>;
let estiba: Estiba;

beforeAll(async () => {
  before = snapshotMachine();
  estiba = await startEstiba({ vpc: 69 });
});
afterAll(async () => estiba?.destroy(), 120_000);

it(
  "ends everything and leaves the machine as it was; the next start brings the same instances and service back",
  { timeout: 240_000 },
  async () => {
    const { clients } = estiba;
    await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
    const place = await stack.createSecurityGroups(clients, await stack.findPlace(clients));
    await stack.createCluster(clients);
    await stack.runInstances(clients, place);
    const balancer = await stack.createLoadBalancer(clients, place);
    await eventually(
      "two container instances",
      async () => (await stack.containerInstances(clients)).length === 2 || undefined,
    );
    await stack.createService(
      clients,
      await stack.registerRevision(clients, DEMO_IMAGE, "1"),
      balancer,
      DESIRED,
    );
    const url = `http://${balancer.dnsName}/`;
    const answers = async () => {
      const service = await stack.describeService(clients);
      const whole =
        service?.runningCount === DESIRED && (await stack.healthyTargets(clients, balancer)) === DESIRED;
      return (whole && (await get(url)).status === 200) || undefined;
    };
    await eventually("the service answers", answers);
    const instances = (await stack.containerInstances(clients)).map((i) => i.containerInstanceArn).sort();
    const tasks = (await stack.runningTasks(clients)).map((t) => t.taskArn);

    await estiba.command("down");
    expect(snapshotMachine()).toEqual(before);
    expect(execFileSync("cat", ["/etc/hosts"], { encoding: "utf8" })).not.toContain(balancer.dnsName);

    await estiba.up();
    await eventually("the service answers again", () => answers().catch(() => undefined), 100);
    expect((await stack.containerInstances(clients)).map((i) => i.containerInstanceArn).sort()).toEqual(
      instances,
    );
    // The containers ended with their machines: other tasks took their places.
    const now = (await stack.runningTasks(clients)).map((t) => t.taskArn);
    expect(now.filter((arn) => tasks.includes(arn))).toEqual([]);
  },
);
