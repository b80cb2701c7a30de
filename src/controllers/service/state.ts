// Reads, in one transaction, all that a decision about a service rests on.
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { ServiceRow } from "#domain/ecs/service.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { overallTargetHealth } from "#domain/elbv2/target.ts";
import type { Reader } from "#store/store.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import type { ServiceState } from "./decide.ts";
import type { ServiceTask } from "./health.ts";

export function readState(
  rows: Reader,
  key: string,
  service: ServiceRow,
  nodes: readonly string[],
): Pick<ServiceState, "service" | "tasks" | "stopped"> {
  const all = rows.find(tasks, "service", key).map(([, row]) => row);
  return {
    service,
    tasks: all.filter((t) => t.lastStatus !== "STOPPED").map((t) => readTask(rows, t, nodes)),
    stopped: all.filter((t) => t.lastStatus === "STOPPED"),
  };
}

function readTask(rows: Reader, row: TaskRow, nodes: readonly string[]): ServiceTask {
  const instanceKey = keyOfEcsArn(row.containerInstanceArn ?? "");
  const instance = instanceKey === undefined ? undefined : rows.get(containerInstances, instanceKey);
  return {
    row,
    instanceStatus: instance?.status ?? "ACTIVE",
    ...(instance?.ec2InstanceId === undefined ? {} : { ec2InstanceId: instance.ec2InstanceId }),
    targets: row.loadBalancers.flatMap(({ targetKey }) => {
      const target = targetKey === undefined ? undefined : rows.get(targets, targetKey);
      if (target?.lifecycle !== "registered") return [];
      const { targetGroupArn, port } = target;
      return [{ targetGroupArn, port, health: overallTargetHealth(target, nodes) }];
    }),
  };
}
