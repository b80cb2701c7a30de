// Which runtime Fargate tasks get, over the whole server with simulated hosts, whose engines have no gVisor: what is asked for and
// not there is told, and never replaced.
import {
  CreateClusterCommand,
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from "@aws-sdk/client-ecs";
import { afterEach, expect, it } from "vitest";
import { findPlace } from "#cli/demo/stack.ts";
import type { TaskRuntime } from "#domain/ecs/fargate.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

let server: SimulatedServer;
afterEach(() => server.close());

/** The task when it runs, or has ended. */
async function taskWith(fargateRuntime: TaskRuntime) {
  server = await startSimulatedServer({ fargateRuntime });
  const { ecs } = server.clients;
  const { subnets } = await findPlace(server.clients);
  await ecs.send(new CreateClusterCommand({ clusterName: "isolated" }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "web",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      containerDefinitions: [{ name: "web", image: "web:1" }],
    }),
  );
  const { tasks = [] } = await ecs.send(
    new RunTaskCommand({
      cluster: "isolated",
      taskDefinition: "web",
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: subnets.map((s) => s.id) } },
    }),
  );
  const arn = tasks[0]?.taskArn ?? "";
  return eventually(
    "the task runs, or has ended",
    async () => {
      const shown = await ecs.send(new DescribeTasksCommand({ cluster: "isolated", tasks: [arn] }));
      const [task] = shown.tasks ?? [];
      return ["RUNNING", "STOPPED"].includes(task?.lastStatus ?? "") ? task : undefined;
    },
    20,
  );
}

it("a task runs with runc where nothing else is asked for, and says so", async () => {
  const task = await taskWith("runc");
  expect(task.lastStatus).toBe("RUNNING");
  expect(task.attributes).toContainEqual({ name: "estiba.runtime", value: "runc" });
});

it("a task that is to have gVisor ends with the reason on a host without", async () => {
  const task = await taskWith("runsc");
  expect(task.lastStatus).toBe("STOPPED");
  expect(task.stoppedReason ?? task.containers?.[0]?.reason).toContain(
    "RuntimeNotAvailable: tasks are to run with runsc, which is not installed on their host",
  );
  expect(task.attributes).toContainEqual({ name: "estiba.runtime", value: "runsc" });
});
