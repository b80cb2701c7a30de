// The target that one load-balancer entry of a task means: what is registered, at which address and port.
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { TaskLoadBalancer, TaskRow } from "#domain/ecs/task.ts";
import type { TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import type { TargetRow } from "#domain/elbv2/target.ts";

/** Undefined when the container has no such port bound on its host, or the task no address of its own where one is wanted. */
export function targetFor(
  task: TaskRow,
  { containerName, containerPort }: TaskLoadBalancer,
  group: TargetGroupRow,
  host: Pick<InstanceRow, "id" | "privateIp">,
  instance: Pick<ContainerInstanceRow, "availabilityZone">,
  key: string,
  now: number,
): TargetRow | undefined {
  const place = {
    targetGroupArn: group.arn,
    targetGroupId: group.id,
    key,
    availabilityZone: instance.availabilityZone,
    lifecycle: "registered",
    registeredAt: now,
    idleOn: [],
    health: {},
  } as const;
  const own = task.attachment?.privateIp;
  if (own !== undefined)
    return group.targetType === "ip"
      ? { ...place, targetId: own, port: containerPort, address: own }
      : undefined;
  const bindings = task.containers.find((c) => c.name === containerName)?.networkBindings ?? [];
  const port = bindings.find((b) => b.containerPort === containerPort && b.protocol === "tcp")?.hostPort;
  if (port === undefined) return undefined;
  return {
    ...place,
    targetId: group.targetType === "instance" ? host.id : host.privateIp,
    port,
    address: host.privateIp,
  };
}

/** Seconds; ELBv2's default is 300. */
export function deregistrationDelay(group: Pick<TargetGroupRow, "attributes"> | undefined): number {
  const seconds = Number(group?.attributes["deregistration_delay.timeout_seconds"] ?? 300);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : 300;
}
