// The network of awsvpc tasks: a pause container that holds the task's interface, and the task's containers in its network. The
// pause container is the agent's own affair: the control plane never hears of it, and it is found again by its name.
import { Readable } from "node:stream";
import { messageOf } from "#lib/errors.ts";
import type { WireTask } from "#acs/messages.ts";
import { LABELS } from "../container-spec.ts";
import type { ContainerState, Engine } from "../engine/port.ts";
import { PAUSE_IMAGE, pauseImage } from "../network/pause-image.ts";
import {
  besidePause,
  interfaceOf,
  PAUSE_CONTAINER,
  pauseName,
  pauseSpec,
  primaryAddress,
} from "../network/pause.ts";
import type { NamespaceWiring } from "../network/namespace.ts";
import { TaskFailure, type HookTask, type TaskHook } from "./hook.ts";

export interface NetworkHookOptions {
  readonly engine: Pick<
    Engine,
    "findImage" | "loadImage" | "create" | "start" | "inspect" | "list" | "remove"
  >;
  readonly wiring: NamespaceWiring;
  readonly cluster: string;
  /** The cgroup of a task, by its id; undefined when tasks have none. */
  readonly cgroupOf?: (taskId: string) => string;
  readonly image?: () => Promise<Buffer>;
}

export interface NetworkHook extends TaskHook {
  /** The address by which the task's containers ask the credentials and metadata endpoint; undefined while none is known. */
  endpointAddress(task: WireTask): string | undefined;
}

export function createNetworkHook({
  engine,
  wiring,
  cluster,
  cgroupOf,
  image = pauseImage,
}: NetworkHookOptions): NetworkHook {
  let loading: Promise<void> | undefined;
  /** By task ARN. */
  const addresses = new Map<string, string>();
  const ensureImage = async () => {
    if ((await engine.findImage(PAUSE_IMAGE)) !== undefined) return;
    loading ??= image()
      .then((archive) => engine.loadImage(Readable.from([archive])))
      .finally(() => (loading = undefined));
    await loading;
  };

  const pauseOf = async (task: WireTask): Promise<ContainerState | undefined> =>
    (await engine.list(LABELS.taskArn, task.arn)).find((c) => c.name === pauseName(task));

  const prepare = async ({ id, task }: HookTask): Promise<void> => {
    const network = interfaceOf(task);
    if (network === undefined) return;
    await ensureImage();
    const known = await pauseOf(task);
    // One that has ended has lost its namespace, and the interface with it; a new one would find none.
    const pause =
      known?.id ?? (await engine.create(pauseSpec(task, network, { cluster, cgroupParent: cgroupOf?.(id) })));
    await engine.start(pause);
    const pid = (await engine.inspect(pause))?.pid;
    if (pid === undefined) throw new Error("the pause container does not run");
    await wiring.wire(pid, { macAddress: network.macAddress, privateIp: primaryAddress(network) });
    await noteAddress(task, pid);
  };
  const noteAddress = async (task: WireTask, pid: number) => {
    const address = await wiring.endpointAddress(pid);
    if (address !== undefined) addresses.set(task.arn, address);
  };

  const remove = async ({ task }: HookTask): Promise<void> => {
    if (interfaceOf(task) === undefined) return;
    const pause = await pauseOf(task);
    if (pause !== undefined) await engine.remove(pause.id);
    addresses.delete(task.arn);
  };

  return {
    name: "network",
    async prepare(task) {
      try {
        await prepare(task);
      } catch (error) {
        throw new TaskFailure("ContainerNetworkingError", `network of the task: ${messageOf(error)}`);
      }
    },
    async creating({ task }, _container, spec) {
      return interfaceOf(task) === undefined ? spec : besidePause(task, spec);
    },
    claims: ({ task }, container) =>
      container.labels[LABELS.containerName] === PAUSE_CONTAINER && container.name === pauseName(task),
    // With the last namespace that holds it the interface goes, too.
    stopped: remove,
    cleanup: remove,
    async restored({ task }) {
      const pid = interfaceOf(task) === undefined ? undefined : (await pauseOf(task))?.pid;
      if (pid !== undefined) await noteAddress(task, pid);
    },
    endpointAddress: ({ arn }) => addresses.get(arn),
  };
}
