// The host's account of CPU, memory and ports, and the one queue in which tasks wait for room (agent protocol, "Admission").
// First in, first out: a task that does not fit holds up those behind it, as on the stock agent.
import type { WireTask } from "#acs/messages.ts";
import { choosePorts, portKey, portKeysOf, type PortKey, type PortRange } from "./host-ports.ts";
import type { AssignedPort } from "./task/state.ts";

export interface HostCapacity {
  /** CPU units, 1024 a vCPU. */
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly reservedTcpPorts: readonly number[];
  readonly reservedUdpPorts: readonly number[];
  readonly dynamicPorts: PortRange;
}

export type HostPorts = Readonly<Record<string, readonly AssignedPort[]>>;

export interface Admission {
  /** Queues the task; `admit` is called, perhaps at once, when the host has room. */
  request(task: WireTask, admit: (ports: HostPorts) => void): void;
  /** A task that was admitted before the agent's restart: takes its place whatever is free. */
  restore(task: WireTask, ports: HostPorts): void;
  /** Frees what the task holds, or takes it out of the queue. */
  release(taskArn: string): void;
  readonly free: { readonly cpu: number; readonly memoryMiB: number };
  readonly waiting: number;
}

/** Whether nothing on the host listens on the port; what tasks of this agent use is known without asking. */
export type PortProbe = (protocol: "tcp" | "udp", port: number) => Promise<boolean>;

interface Held {
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly ports: readonly PortKey[];
}

const MIB = 1024 * 1024;

export function createAdmission(capacity: HostCapacity, isPortFree?: PortProbe): Admission {
  const held = new Map<string, Held>();
  const taken = new Set<PortKey>([
    ...capacity.reservedTcpPorts.map((p) => portKey("tcp", p)),
    ...capacity.reservedUdpPorts.map((p) => portKey("udp", p)),
  ]);
  let queue: { readonly task: WireTask; readonly admit: (ports: HostPorts) => void }[] = [];
  let cpu = capacity.cpu;
  let memoryMiB = capacity.memoryMiB;

  const take = (task: WireTask, ports: HostPorts) => {
    const need = { ...demandOf(task), ports: portKeysOf(ports) };
    held.set(task.arn, need);
    cpu -= need.cpu;
    memoryMiB -= need.memoryMiB;
    for (const key of need.ports) taken.add(key);
  };

  /** Ports for the queue's head that nobody else on the host uses; undefined while there are none. */
  const findPorts = async (task: WireTask): Promise<HostPorts | undefined> => {
    const foreign = new Set<PortKey>();
    for (;;) {
      const choice = choosePorts(task, capacity.dynamicPorts, (key) => taken.has(key) || foreign.has(key));
      if ("lacking" in choice) return undefined;
      const busy = await busyPort(task, choice.ports, isPortFree);
      if (busy === undefined) return choice.ports;
      foreign.add(busy);
    }
  };

  /** One at a time; what changes meanwhile is looked at in another round. */
  let serving = false;
  let again = false;
  const serve = async () => {
    if (serving) return void (again = true);
    serving = true;
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      again = false;
      const need = demandOf(head.task);
      const fits = need.cpu <= cpu && need.memoryMiB <= memoryMiB;
      const ports = fits ? await findPorts(head.task) : undefined;
      // Stopped while its ports were looked for.
      if (queue[0] !== head) continue;
      if (ports === undefined) {
        if (again) continue;
        break;
      }
      queue.shift();
      take(head.task, ports);
      head.admit(ports);
    }
    serving = false;
  };

  return {
    get free() {
      return { cpu, memoryMiB };
    },
    get waiting() {
      return queue.length;
    },
    request(task, admit) {
      queue.push({ task, admit });
      void serve();
    },
    restore: take,
    release(taskArn) {
      queue = queue.filter((q) => q.task.arn !== taskArn);
      const need = held.get(taskArn);
      if (need !== undefined) {
        held.delete(taskArn);
        cpu += need.cpu;
        memoryMiB += need.memoryMiB;
        for (const key of need.ports) taken.delete(key);
      }
      void serve();
    },
  };
}

/** Of the ports that were chosen (not asked for by the task), the first that something else listens on. */
async function busyPort(
  task: WireTask,
  ports: HostPorts,
  isFree: PortProbe | undefined,
): Promise<PortKey | undefined> {
  if (isFree === undefined || (task.networkMode ?? "bridge") !== "bridge") return undefined;
  for (const [name, assigned] of Object.entries(ports)) {
    const fixed = task.containers.find((c) => c.name === name)?.portMappings ?? [];
    for (const { protocol, hostPort } of assigned) {
      if (fixed.some((p) => p.hostPort === hostPort && p.protocol === protocol)) continue;
      if (!(await isFree(protocol, hostPort))) return portKey(protocol, hostPort);
    }
  }
  return undefined;
}

/** What the task takes: its own limits, else the sum over its containers (the reservation before the hard limit). */
export function demandOf(task: WireTask): { readonly cpu: number; readonly memoryMiB: number } {
  const sum = (of: (c: WireTask["containers"][number]) => number) =>
    task.containers.reduce((total, c) => total + of(c), 0);
  return {
    cpu: task.cpu !== undefined && task.cpu > 0 ? Math.round(task.cpu * 1024) : sum((c) => c.cpu),
    memoryMiB:
      task.memory !== undefined && task.memory > 0
        ? task.memory
        : sum((c) => reservationOf(c.dockerConfig?.hostConfig) ?? c.memory),
  };
}

function reservationOf(hostConfig: string | undefined): number | undefined {
  if (hostConfig === undefined) return undefined;
  try {
    const bytes = (JSON.parse(hostConfig) as { readonly MemoryReservation?: unknown }).MemoryReservation;
    return typeof bytes === "number" && bytes > 0 ? Math.ceil(bytes / MIB) : undefined;
  } catch {
    // Told when the container is created.
    return undefined;
  }
}
