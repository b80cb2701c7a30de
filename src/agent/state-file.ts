// The agent's state in ECS_DATADIR: `instance.json` and a file a task. A file is replaced whole, and is safe when `save…`
// resolves; of several changes while the disk is busy only the newest is written. Credentials are never among it.
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "#lib/logger.ts";
import { messageOf } from "#lib/errors.ts";
import type { InstanceRecord, StateStore } from "./state-store.ts";
import { settled, taskIdOf, type TaskState } from "./task/state.ts";

const FORMAT = 1;
const PARTIAL = ".partial";

export function createStateFolder(directory: string, logger: Logger): StateStore {
  const tasksFolder = join(directory, "tasks");
  const instanceFile = join(directory, "instance.json");
  const taskFile = (taskArn: string) => join(tasksFolder, `${taskIdOf(taskArn)}.json`);
  const writer = createWriter();

  return {
    async load() {
      await mkdir(tasksFolder, { recursive: true, mode: 0o700 });
      const instance = await readJson<InstanceRecord>(instanceFile, logger);
      const tasks: TaskState[] = [];
      for (const name of (await readdir(tasksFolder)).sort()) {
        const path = join(tasksFolder, name);
        if (name.endsWith(PARTIAL)) await rm(path, { force: true });
        else {
          const task = await readJson<TaskState>(path, logger);
          if (task !== undefined) tasks.push(task);
        }
      }
      return { instance, tasks };
    },
    saveInstance: (record) => writer.write(instanceFile, record),
    saveTask: (state) => writer.write(taskFile(state.task.arn), settled(state)),
    removeTask: (taskArn) => writer.write(taskFile(taskArn), undefined),
    async clear() {
      for (const name of await readdir(tasksFolder)) await writer.write(join(tasksFolder, name), undefined);
      await writer.write(instanceFile, undefined);
    },
  };
}

/** Reads a stored value; what cannot be read is left where it is and told, so that one bad file does not stop the host. */
async function readJson<T>(path: string, logger: Logger): Promise<T | undefined> {
  try {
    const stored = JSON.parse(await readFile(path, "utf8")) as { format: number; value: T };
    if (stored.format === FORMAT) return stored.value;
    logger.error("A state file is of another format", { path, format: stored.format });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      logger.error("A state file cannot be read", { path, reason: messageOf(error) });
  }
  return undefined;
}

interface Job {
  value: unknown;
  readonly done: Promise<void>;
}

/** One write at a time a path; a value that waits is overtaken by a newer one. */
function createWriter(): { write(path: string, value: unknown): Promise<void> } {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Job>();

  const begin = (path: string, value: unknown): Promise<void> => {
    const work = (value === undefined ? rm(path, { force: true }) : replaceFile(path, value)).finally(() => {
      if (!waiting.has(path)) running.delete(path);
    });
    running.set(path, work);
    return work;
  };

  return {
    write(path, value) {
      const current = running.get(path);
      if (current === undefined) return begin(path, value);
      const next = waiting.get(path);
      if (next !== undefined) {
        next.value = value;
        return next.done;
      }
      const job: Job = {
        value,
        done: current
          .catch(() => {})
          .then(() => {
            waiting.delete(path);
            return begin(path, job.value);
          }),
      };
      waiting.set(path, job);
      return job.done;
    },
  };
}

async function replaceFile(path: string, value: unknown): Promise<void> {
  const partial = path + PARTIAL;
  const file = await open(partial, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify({ format: FORMAT, value }));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  const folder = await open(join(path, ".."), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
