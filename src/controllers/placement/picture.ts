// The live picture of what is free: follows instances and tasks by their rows, at a cost proportional to what changed. What
// has been decided but not yet published can be assumed, so that two decisions never count on the same room.
import { type Attributes, type SchedulerInstance } from "#scheduler/instance.ts";
import { FreeIndex } from "#scheduler/free-index.ts";
import { interfaceCapacity, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { holdsInterface, holdsResources, type TaskRow } from "#domain/ecs/task.ts";
import type { Change } from "#store/store.ts";
import { isChangeOf } from "#store/store.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";

interface Place {
  row: ContainerInstanceRow | undefined;
  readonly tasks: Map<string, TaskRow>;
}

export class Picture {
  /** Instance ARN → its row and the tasks that hold resources there. */
  readonly #places = new Map<string, Place>();
  readonly #instanceOfTask = new Map<string, string>();
  readonly #arnOfKey = new Map<string, string>();
  readonly #clusters = new Map<string, FreeIndex>();
  readonly #attributes = new Map<string, Attributes>();
  readonly #dirty = new Set<string>();

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (isChangeOf(change, tasks)) this.setTask(change.key, change.row);
      else if (isChangeOf(change, containerInstances)) this.#setInstance(change.key, change.row);
    }
  }

  /** The task as it is now or will be; undefined when there is none. */
  setTask(key: string, row: TaskRow | undefined): void {
    const before = this.#instanceOfTask.get(key);
    const arn = row?.containerInstanceArn;
    const counts = row !== undefined && arn !== undefined && (holdsResources(row) || holdsInterface(row));
    if (before !== undefined && (!counts || before !== arn)) {
      this.#places.get(before)?.tasks.delete(key);
      this.#instanceOfTask.delete(key);
      this.#dirty.add(before);
    }
    if (!counts) return;
    this.#place(arn).tasks.set(key, row);
    this.#instanceOfTask.set(key, arn);
    this.#dirty.add(arn);
  }

  /** The instances of a cluster as they are now. */
  cluster(region: string, clusterName: string): FreeIndex {
    for (const arn of this.#dirty) this.#refresh(arn);
    this.#dirty.clear();
    return this.#clusters.get(`${region}/${clusterName}`) ?? new FreeIndex();
  }

  #setInstance(key: string, row: ContainerInstanceRow | undefined): void {
    const arn = row?.arn ?? this.#arnOfKey.get(key);
    if (arn === undefined) return;
    const place = this.#place(arn);
    if (row === undefined || row.status === "INACTIVE") {
      if (place.row !== undefined) this.#index(place.row).delete(arn);
      place.row = undefined;
      this.#arnOfKey.delete(key);
    } else {
      place.row = row;
      this.#arnOfKey.set(key, arn);
    }
    this.#dirty.add(arn);
  }

  #refresh(arn: string): void {
    const place = this.#places.get(arn);
    if (place === undefined) return;
    if (place.row !== undefined) this.#index(place.row).set(this.#view(place.row, place.tasks.values()));
    else if (place.tasks.size === 0) this.#places.delete(arn);
  }

  #view(row: ContainerInstanceRow, held: Iterable<TaskRow>): SchedulerInstance {
    let { cpu, memoryMiB } = row.registered;
    const tcpPorts = new Set(row.reservedTcpPorts);
    const udpPorts = new Set(row.reservedUdpPorts);
    let interfaces = interfaceCapacity(row);
    const groups = new Map<string, number>();
    for (const task of held) {
      if (holdsInterface(task)) interfaces -= 1;
      if (!holdsResources(task)) continue;
      cpu -= task.resources.cpu;
      memoryMiB -= task.resources.memoryMiB;
      for (const port of task.resources.tcpPorts) tcpPorts.add(port);
      for (const port of task.resources.udpPorts) udpPorts.add(port);
      // A task on its way out no longer counts for spreading and distinctInstance.
      if (task.desiredStatus === "RUNNING") groups.set(task.group, (groups.get(task.group) ?? 0) + 1);
    }
    return {
      arn: row.arn,
      id: row.id,
      ...(row.ec2InstanceId === undefined ? {} : { ec2InstanceId: row.ec2InstanceId }),
      ...(row.versionInfo.agentVersion === undefined ? {} : { agentVersion: row.versionInfo.agentVersion }),
      status: row.status,
      agentConnected: row.agentConnected,
      registeredAt: row.registeredAt,
      zone: row.availabilityZone,
      attributes: this.#shared(row.attributes),
      cpu,
      memoryMiB,
      tcpPorts,
      udpPorts,
      interfaces,
      groups,
    };
  }

  /** Equal attribute sets are one object: filters then look at each set once. */
  #shared(attributes: ContainerInstanceRow["attributes"]): Attributes {
    const signature = JSON.stringify(attributes);
    let known = this.#attributes.get(signature);
    if (known === undefined) {
      if (this.#attributes.size >= ATTRIBUTE_SETS_KEPT) this.#attributes.clear();
      known = new Map(attributes.map(({ name, value }) => [name, value ?? ""]));
      this.#attributes.set(signature, known);
    }
    return known;
  }

  #place(arn: string): Place {
    let place = this.#places.get(arn);
    if (place === undefined) this.#places.set(arn, (place = { row: undefined, tasks: new Map() }));
    return place;
  }

  #index(row: ContainerInstanceRow): FreeIndex {
    const key = `${row.region}/${row.clusterName}`;
    let index = this.#clusters.get(key);
    if (index === undefined) this.#clusters.set(key, (index = new FreeIndex()));
    return index;
  }
}

const ATTRIBUTE_SETS_KEPT = 10_000;
