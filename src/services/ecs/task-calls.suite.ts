// What the tests of tasks have in common: instances in the cluster `main`, RunTask of `web` there, and what agents report.
import type { RunTaskCommandInput, RunTaskCommandOutput } from "@aws-sdk/client-ecs";
import { ACCOUNT, allTasks, changeTask, containerInstance, REGION } from "#controllers/world.suite.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { reportTask, type TaskReport } from "#domain/ecs/task-transitions.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import type { PlacingFixture } from "./placing.suite.ts";

/** The id of an instance or a task, of AWS's length. */
export const id = (n: number): string => String(n).padStart(32, "0");
export const arn = (resource: string): string => `arn:aws:ecs:${REGION}:${ACCOUNT}:${resource}`;

export const RUNNING: TaskReport = {
  status: "RUNNING",
  containers: [
    {
      name: "app",
      status: "RUNNING",
      runtimeId: "abc",
      networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" }],
    },
  ],
};

export interface TaskCalls {
  addInstance(n: number, more?: Partial<ContainerInstanceRow>): Promise<void>;
  run(more?: Partial<RunTaskCommandInput>): Promise<RunTaskCommandOutput>;
  /** The row of the one task that was placed. */
  runOne(more?: Partial<RunTaskCommandInput>): Promise<TaskRow>;
  /** The agent reports. */
  report(task: Pick<TaskRow, "id">, what: TaskReport): Promise<void>;
}

export function taskCalls({ client, world }: PlacingFixture): TaskCalls {
  const run: TaskCalls["run"] = (more = {}) =>
    client.runTask({ cluster: "main", taskDefinition: "web", ...more });
  return {
    addInstance: (n, more = {}) =>
      world.store.transact((tx) =>
        tx.put(containerInstances, `${REGION}/main/${id(n)}`, containerInstance(id(n), more)),
      ),
    run,
    async runOne(more) {
      const { tasks: started = [] } = await run(more);
      const row = allTasks(world).find((t) => t.arn === started[0]?.taskArn);
      if (row === undefined) throw new Error("no task was placed");
      return row;
    },
    report: (task, what) => changeTask(world, task, (row) => reportTask(row, what, world.clock.now())),
  };
}
