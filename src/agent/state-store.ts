// What an agent must still know after its restart, as a port: a folder on a host (state-file.ts), memory for simulated agents.
import type { TaskState } from "./task/state.ts";

export interface InstanceRecord {
  readonly containerInstanceArn: string;
  /** As configured when the instance was registered. */
  readonly cluster: string;
  /** The host it was registered for; another one does not go on with this state. */
  readonly ec2InstanceId?: string;
  /** The newest manifest or payload number that was seen. */
  readonly manifestNumber: number;
}

export interface StateStore {
  load(): Promise<{ readonly instance: InstanceRecord | undefined; readonly tasks: readonly TaskState[] }>;
  /** Each resolves when what it was given, or something newer of the same, is safe. */
  saveInstance(record: InstanceRecord): Promise<void>;
  saveTask(state: TaskState): Promise<void>;
  removeTask(taskArn: string): Promise<void>;
  /** Forgets everything: the state is another host's. */
  clear(): Promise<void>;
}

/** Lives as long as the object: restarts of a simulated agent keep it. */
export function createMemoryStateStore(): StateStore {
  let instance: InstanceRecord | undefined;
  const tasks = new Map<string, TaskState>();
  return {
    load: async () => ({ instance, tasks: [...tasks.values()] }),
    saveInstance: async (record) => void (instance = record),
    saveTask: async (state) => void tasks.set(state.task.arn, state),
    removeTask: async (taskArn) => void tasks.delete(taskArn),
    clear: async () => {
      instance = undefined;
      tasks.clear();
    },
  };
}
