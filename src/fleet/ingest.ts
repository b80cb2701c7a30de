// Agents' reports → transitions. A report about an unknown task, or one on another instance, is accepted and ignored:
// an error would block the agent's queue for that task without end.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { HealthStatus, TaskRow } from "#domain/ecs/task.ts";
import { reportTask, reportTaskHealth, type TaskReport } from "#domain/ecs/task-transitions.ts";
import { reportInstanceHealth, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { AgentIngest } from "#domain/ports/agent-ingest.ts";
import type { Store, Transaction } from "#store/store.ts";
import { containerInstances, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import { hostModeBindings } from "./host-mode-bindings.ts";

export interface IngestDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Ingest extends AgentIngest {
  /** Container health of one task, from telemetry; written only when it changes something. */
  taskHealth(
    instanceArn: string,
    taskArn: string,
    containers: Readonly<Record<string, HealthStatus>>,
  ): Promise<void>;
  instanceHealth(
    instanceArn: string,
    health: NonNullable<ContainerInstanceRow["healthStatus"]>,
  ): Promise<void>;
}

export function createIngest({ store, clock, logger }: IngestDependencies): Ingest {
  return {
    async taskReport({ taskArn, reporterInstanceId, ...report }) {
      const key = keyOfEcsArn(taskArn);
      if (key === undefined) return;
      await store.transact((tx) => {
        const task = tx.get(tasks, key);
        if (task === undefined) return;
        if (reporterInstanceId !== undefined && instanceOf(tx, task)?.ec2InstanceId !== reporterInstanceId) {
          logger.warn("A task was reported by an instance that does not run it", {
            taskArn,
            reporterInstanceId,
          });
          return;
        }
        tx.put(tasks, key, reportTask(task, withHostModeBindings(tx, task, report), clock.now()));
      });
    },

    async taskHealth(instanceArn, taskArn, containers) {
      const key = keyOfEcsArn(taskArn);
      const seen = key === undefined ? undefined : store.get(tasks, key);
      if (
        key === undefined ||
        seen?.containerInstanceArn !== instanceArn ||
        reportTaskHealth(seen, containers) === seen
      )
        return;
      await store.transact((tx) => {
        const task = tx.get(tasks, key);
        if (task !== undefined) tx.put(tasks, key, reportTaskHealth(task, containers));
      });
    },

    async instanceHealth(instanceArn, health) {
      const key = keyOfEcsArn(instanceArn);
      if (key === undefined || store.get(containerInstances, key)?.healthStatus === health) return;
      await store.transact((tx) => {
        const instance = tx.get(containerInstances, key);
        if (instance !== undefined)
          tx.put(containerInstances, key, reportInstanceHealth(instance, health, clock.now()));
      });
    },
  };
}

function instanceOf(tx: Transaction, task: TaskRow): ContainerInstanceRow | undefined {
  const key = task.containerInstanceArn === undefined ? undefined : keyOfEcsArn(task.containerInstanceArn);
  return key === undefined ? undefined : tx.get(containerInstances, key);
}

/** The agent reports no bindings in host mode (agent protocol, "Ports"); ECS shows hostPort = containerPort. */
function withHostModeBindings(tx: Transaction, task: TaskRow, report: TaskReport): TaskReport {
  if (task.networkMode !== "host") return report;
  const definition = tx.find(taskDefinitions, "arn", task.taskDefinitionArn)[0]?.[1];
  if (definition === undefined) return report;
  return {
    ...report,
    containers: report.containers.map((c) =>
      c.status === "RUNNING"
        ? { ...c, networkBindings: hostModeBindings(definition.body.containerDefinitions, c.name) }
        : c,
    ),
  };
}
