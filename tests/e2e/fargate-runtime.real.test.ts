// Fargate tasks in gVisor: two containers of one task on one localhost, each with gVisor's kernel, and the answer to "which
// runtime?" where it is asked. What gVisor's network can and cannot do here is told in docs/decisions/0008.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CreateClusterCommand,
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import { findPlace } from "#cli/demo/stack.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";

const CLUSTER = "isolated";
const commandOf = (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It ended in between.
    return "";
  }
};
const isInstalled = ["/usr/bin/runsc", "/usr/local/bin/runsc"].some((file) => existsSync(file));

/** With `nc`, which waits for data before it reads: this gVisor does not wait in read(2) of a socket. */
const SIDE = `
case "$(cat /proc/version)" in "Linux version 4.4.0 "*) ;; *) exit 6;; esac
until [ "$(nc -w 2 127.0.0.1 8080 </dev/null)" = hello ]; do sleep 0.2; done
path="\${ECS_CONTAINER_METADATA_URI_V4#http://169.254.170.2}"
until printf 'GET %s HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' "$path" | nc -w 3 169.254.170.2 80 | grep -q '"estiba.runtime":"runsc"'; do sleep 0.2; done
touch /tmp/reached
while :; do sleep 1; done`;

let estiba: Estiba;

describe.runIf(isInstalled)(
  "a Fargate task where gVisor is asked for (skipped where runsc is not installed)",
  () => {
    beforeAll(async () => {
      estiba = await startEstiba({ vpc: 155, flags: ["--fargate-runtime", "runsc"] });
      await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
    }, 120_000);
    afterAll(async () => estiba?.destroy(), 120_000);

    it("has containers that reach one another on localhost, and tells its runtime", async () => {
      const { ecs } = estiba.clients;
      await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
      const place = await findPlace(estiba.clients);
      await ecs.send(
        new RegisterTaskDefinitionCommand({
          family: "two",
          networkMode: "awsvpc",
          requiresCompatibilities: ["FARGATE"],
          cpu: "256",
          memory: "512",
          containerDefinitions: [
            {
              name: "web",
              image: DEMO_IMAGE,
              stopTimeout: 1,
              command: ["sh", "-c", "while :; do echo hello | nc -l -p 8080; done"],
            },
            {
              name: "side",
              image: DEMO_IMAGE,
              stopTimeout: 1,
              command: ["sh", "-c", SIDE],
              healthCheck: { command: ["CMD-SHELL", "cat /tmp/reached"], interval: 5, timeout: 2 },
            },
          ],
        }),
      );
      const { tasks: started = [] } = await ecs.send(
        new RunTaskCommand({
          cluster: CLUSTER,
          taskDefinition: "two",
          launchType: "FARGATE",
          networkConfiguration: {
            awsvpcConfiguration: { subnets: place.subnets.map((s) => s.id), assignPublicIp: "ENABLED" },
          },
        }),
      );
      const arn = started[0]?.taskArn ?? "";
      const healthy = await eventually(
        "the task is healthy",
        async () => {
          const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }));
          const [task] = tasks;
          if (task?.lastStatus === "STOPPED") throw new Error(JSON.stringify(task));
          return task?.healthStatus === "HEALTHY" ? task : undefined;
        },
        90,
      );
      expect(healthy.attributes).toContainEqual({ name: "estiba.runtime", value: "runsc" });
    }, 180_000);

    it("leaves no gVisor behind", async () => {
      await estiba.destroy();
      const commands = readdirSync("/proc")
        .filter((pid) => /^\d+$/.test(pid))
        .map(commandOf);
      expect(commands.filter((c) => c.includes("runsc") && c.includes(estiba.dataDirectory))).toEqual([]);
    }, 120_000);
  },
);
