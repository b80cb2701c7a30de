// What a part of the agent does beside a task's containers: volumes, cgroups, networks. The hooks stand in one ordered list;
// cleanup and stopped run in the reverse order. A hook decides nothing about the task's life.
import type { WireContainer, WireTask } from "#acs/messages.ts";
import type { ContainerSpec, ContainerState } from "../engine/port.ts";

export interface HookTask {
  /** The last part of the task's ARN. */
  readonly id: string;
  readonly task: WireTask;
  /** Of the execution role's credentials, when the task has such a role. */
  readonly executionCredentialsId?: string;
}

export interface TaskHook {
  readonly name: string;
  /** Before the task's first container. What it throws ends the task; a TaskFailure says with which reason. Safe twice. */
  prepare?(task: HookTask): Promise<void>;
  /** A container is about to be created: answers the specification to use. */
  creating?(task: HookTask, container: WireContainer, spec: ContainerSpec): Promise<ContainerSpec>;
  /** A failure's text without what must not be told of the task. */
  redact?(task: HookTask, text: string): string;
  /** A container of the task has been started. */
  started?(task: HookTask, container: WireContainer, id: string): Promise<void>;
  /** The agent has come back to a task that it had prepared and that has not ended. */
  restored?(task: HookTask): Promise<void>;
  /** Whether the container is one that the hook made for the task: the task cannot go on without it. */
  claims?(task: HookTask, container: ContainerState): boolean;
  /** All containers have ended; they still exist. Safe alone and twice. */
  stopped?(task: HookTask): Promise<void>;
  /** The containers are removed and the task is about to be forgotten. Safe alone and twice. */
  cleanup?(task: HookTask): Promise<void>;
}

/** A failure with the name that AWS gives it, as it stands in a reason: `<name>: <message>`. */
export class TaskFailure extends Error {
  readonly reasonName: string;

  constructor(reasonName: string, message: string) {
    super(message);
    this.name = "TaskFailure";
    this.reasonName = reasonName;
  }

  get reason(): string {
    return `${this.reasonName}: ${this.message}`;
  }
}
