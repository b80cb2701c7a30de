// Puts a task's containers under one cgroup, `<parent>/<task id>`, which carries the task's CPU and memory limits.
// The containers' own limits are Docker's. Removes the cgroup at the end, which Docker leaves behind.
import { access, mkdir, readdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sleep, type Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { cgroupPlan, taskCgroup, type CgroupVersion, type TaskLimits } from "./cgroup-plan.ts";
import { TaskFailure, type HookTask, type TaskHook } from "./hook.ts";

/** The kernel holds a cgroup for a moment after its last process. */
const REMOVAL_ATTEMPTS = 20;
const REMOVAL_PAUSE_MS = 50;

export interface CgroupHookOptions {
  /** For instance `/estiba/i-0abc`, the same path that the engine runs with. */
  readonly parent: string;
  readonly clock: Clock;
  /** `/sys/fs/cgroup` unless said otherwise. */
  readonly root?: string;
}

/** A TaskHook; failures are ResourceInitializationError. */
export function cgroupHook({ parent, clock, root = "/sys/fs/cgroup" }: CgroupHookOptions): TaskHook {
  const remove = async ({ id }: HookTask) => {
    for (const hierarchy of await hierarchies(root))
      await removeCgroup(join(hierarchy, taskCgroup(parent, checked(id))), clock);
  };
  return {
    name: "cgroup",
    async prepare({ id, task }) {
      try {
        await limitTask(root, parent, checked(id), {
          ...(task.cpu === undefined || task.cpu <= 0 ? {} : { cpu: task.cpu }),
          ...(task.memory === undefined || task.memory <= 0 ? {} : { memoryMiB: task.memory }),
        });
      } catch (error) {
        throw new TaskFailure("ResourceInitializationError", `cgroup of the task: ${messageOf(error)}`);
      }
    },
    async creating({ id }, _container, spec) {
      return { ...spec, hostConfig: { ...spec.hostConfig, CgroupParent: taskCgroup(parent, checked(id)) } };
    },
    // Stopped tasks are kept for hours: their cgroups need not be.
    stopped: remove,
    cleanup: remove,
  };
}

/** @throws Error of the file system, with the path that failed */
async function limitTask(root: string, parent: string, taskId: string, limits: TaskLimits): Promise<void> {
  for (const step of cgroupPlan(await cgroupVersion(root), parent, taskId, limits)) {
    const path = join(root, step.path);
    if (step.type === "make") await mkdir(path, { recursive: true });
    else await writeFile(path, step.value, { flag: "r+" });
  }
}

async function cgroupVersion(root: string): Promise<CgroupVersion> {
  return access(join(root, "cgroup.controllers")).then(
    () => "v2",
    () => "v1",
  );
}

/** Docker makes the cgroup in every hierarchy of v1, not only where limits are. */
async function hierarchies(root: string): Promise<readonly string[]> {
  if ((await cgroupVersion(root)) === "v2") return [root];
  return (await readdir(root)).map((name) => join(root, name));
}

/** What is below goes first; none of it has a process any more. No error when nothing is there. */
async function removeCgroup(path: string, clock: Clock): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(ignoring("ENOENT", "ENOTDIR"));
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(path, entry.name), clock);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rmdir(path).catch(ignoring("ENOENT"));
    } catch (error) {
      if (attempt === REMOVAL_ATTEMPTS || (error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
      await sleep(clock, REMOVAL_PAUSE_MS);
    }
  }
}

function ignoring(...codes: readonly string[]) {
  return (error: unknown): undefined => {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  };
}

/** The id becomes part of a path. */
function checked(taskId: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(taskId))
    throw new Error(`no id of a task: ${JSON.stringify(taskId)}`);
  return taskId;
}
