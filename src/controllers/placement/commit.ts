// Commits a plan: inside the transaction everything that the plan rests on is asked again of the newest rows, because between
// the picture and the commit an instance may have gone, room may have been taken, or the deployment may be wanted no more.
import type { Random } from "#lib/random.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import { interfaceCapacity, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { Deployment, ServiceRow } from "#domain/ecs/service.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { holdsInterface, holdsResources, taskKey, type TaskRow } from "#domain/ecs/task.ts";
import type { PlacementRequest } from "#domain/ports/placement.ts";
import type { Transaction } from "#store/store.ts";
import { containerInstances, services, tasks } from "#store/tables/ecs.ts";
import { listOfTasks, writeServiceEvent } from "../service-events.ts";
import { newInterface } from "./new-interface.ts";
import { newTask } from "./new-task.ts";

export interface Commit {
  readonly created: readonly TaskRow[];
  /** Instances of assignments that had no room any more when asked again. */
  readonly conflicts: readonly string[];
  /** Nothing further is wanted: the deployment is superseded or has all its tasks. */
  readonly enough: boolean;
  /** Why instances with room cannot take the task all the same: no subnet there has an address left. */
  readonly exhausted?: { readonly instanceArn: string; readonly reason: string };
}

export function commitPlan(
  tx: Transaction,
  request: PlacementRequest,
  definition: TaskDefinitionRow,
  assignments: readonly string[],
  random: Random,
  now: number,
): Commit {
  const wanted = request.service === undefined ? undefined : wantedBy(tx, request, request.service);
  if (request.service !== undefined && wanted === undefined)
    return { created: [], conflicts: [], enough: true };
  const limit = wanted?.count ?? assignments.length;
  const room = new Map<string, Room | undefined>();
  const created: TaskRow[] = [];
  const conflicts: string[] = [];
  let exhausted: Commit["exhausted"];
  for (const arn of assignments) {
    if (created.length >= limit) break;
    if (!room.has(arn)) room.set(arn, roomOn(tx, arn));
    const there = room.get(arn);
    const task = there && newTask(request, definition, there.instance, wanted?.deployment, random, now);
    if (there === undefined || task === undefined || !take(there, task, request.network !== undefined)) {
      conflicts.push(arn);
      continue;
    }
    const made =
      request.network === undefined
        ? { task }
        : newInterface(tx, task, request.network, there.instance, request.account, random, now);
    if ("exhausted" in made) {
      exhausted = { instanceArn: arn, reason: made.exhausted };
      break;
    }
    tx.put(tasks, taskKey(task.region, task.clusterName, task.id), made.task);
    created.push(made.task);
  }
  if (wanted !== undefined && created.length > 0) {
    const ids = created.map((t) => t.id);
    writeServiceEvent(tx, wanted.service, `has started ${ids.length} tasks: ${listOfTasks(ids)}.`, now);
  }
  return {
    created,
    conflicts,
    enough: limit <= created.length,
    ...(exhausted === undefined ? {} : { exhausted }),
  };
}

interface Wanted {
  readonly service: ServiceRow;
  readonly deployment: Deployment;
  readonly count: number;
}

export function wantedBy(
  tx: Transaction,
  { region, clusterName }: PlacementRequest,
  { name, deploymentId, atMost }: NonNullable<PlacementRequest["service"]>,
): Wanted | undefined {
  const key = serviceKey(region, clusterName, name);
  const service = tx.get(services, key);
  const deployment = service?.deployments.find((d) => d.id === deploymentId && d.status === "PRIMARY");
  if (service?.status !== "ACTIVE" || deployment === undefined) return undefined;
  const present = tx
    .find(tasks, "activeOfService", key)
    .filter(([, t]) => t.deploymentId === deploymentId && t.desiredStatus === "RUNNING").length;
  return { service, deployment, count: Math.max(0, atMost - present) };
}

interface Room {
  readonly instance: ContainerInstanceRow;
  cpu: number;
  memoryMiB: number;
  readonly tcpPorts: Set<number>;
  readonly udpPorts: Set<number>;
  interfaces: number;
}

function roomOn(tx: Transaction, instanceArn: string): Room | undefined {
  const key = keyOfEcsArn(instanceArn);
  const instance = key === undefined ? undefined : tx.get(containerInstances, key);
  if (instance?.status !== "ACTIVE" || !instance.agentConnected) return undefined;
  const room: Room = {
    instance,
    cpu: instance.registered.cpu,
    memoryMiB: instance.registered.memoryMiB,
    tcpPorts: new Set(instance.reservedTcpPorts),
    udpPorts: new Set(instance.reservedUdpPorts),
    interfaces: interfaceCapacity(instance),
  };
  for (const [, task] of tx.find(tasks, "activeOnInstance", instanceArn)) {
    if (holdsInterface(task)) room.interfaces -= 1;
    if (!holdsResources(task)) continue;
    room.cpu -= task.resources.cpu;
    room.memoryMiB -= task.resources.memoryMiB;
    for (const port of task.resources.tcpPorts) room.tcpPorts.add(port);
    for (const port of task.resources.udpPorts) room.udpPorts.add(port);
  }
  return room;
}

/** Books the room; false, and nothing booked, when it does not suffice. */
function take(room: Room, { resources }: TaskRow, withInterface: boolean): boolean {
  const { cpu, memoryMiB, tcpPorts, udpPorts } = resources;
  const isShort = (cpu > 0 && room.cpu < cpu) || (memoryMiB > 0 && room.memoryMiB < memoryMiB);
  const isTaken =
    tcpPorts.some((port) => room.tcpPorts.has(port)) || udpPorts.some((port) => room.udpPorts.has(port));
  if (isShort || isTaken || (withInterface && room.interfaces < 1)) return false;
  if (withInterface) room.interfaces -= 1;
  room.cpu -= cpu;
  room.memoryMiB -= memoryMiB;
  for (const port of tcpPorts) room.tcpPorts.add(port);
  for (const port of udpPorts) room.udpPorts.add(port);
  return true;
}
