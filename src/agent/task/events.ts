// What happens to a task, and what its next step asks the host to do.
import type { ContainerState } from "../engine/port.ts";
import type { AssignedPort, ContainerAction, Reported } from "./state.ts";

export type TaskEvent =
  /** The host has room for it. */
  | {
      readonly type: "admitted";
      readonly hostPorts: Readonly<Record<string, readonly AssignedPort[]>>;
    }
  /** The hooks are ready for its containers. */
  | { readonly type: "prepared" }
  /** It cannot run on this host at all. `reason` is `Name: text`. */
  | { readonly type: "hostFailed"; readonly reason: string }
  /** The control plane wants it stopped. */
  | { readonly type: "stopOrdered" }
  | { readonly type: "pulled"; readonly container: string }
  | { readonly type: "created"; readonly container: string; readonly id: string }
  /** `seen` is the container right after its start; undefined when it is gone. */
  | { readonly type: "started"; readonly container: string; readonly seen: ContainerState | undefined }
  | { readonly type: "stopped"; readonly container: string; readonly seen: ContainerState | undefined }
  /** The engine was asked, for whatever cause. */
  | { readonly type: "seen"; readonly container: string; readonly seen: ContainerState | undefined }
  | {
      readonly type: "failed";
      readonly container: string;
      readonly action: ContainerAction;
      /** The engine may do it later. */
      readonly temporary: boolean;
      readonly reason: string;
    }
  /** After a restart of the agent: what the engine has of this task, by container name. */
  | { readonly type: "restored"; readonly seen: Readonly<Record<string, ContainerState | undefined>> }
  /** The time that `wakeAt` named has come. */
  | { readonly type: "woke" }
  /** The control plane accepted a report. */
  | { readonly type: "reported"; readonly reported: Reported }
  | { readonly type: "cleanupFailed" };

export type TaskEffect =
  | { readonly type: "prepare" }
  | { readonly type: "pull"; readonly container: string }
  | { readonly type: "create"; readonly container: string }
  /** `after`: when it was started before, so that a repeated attempt does not start it twice. */
  | { readonly type: "start"; readonly container: string; readonly after: number | undefined }
  | { readonly type: "stop"; readonly container: string; readonly timeoutSeconds: number }
  /** All containers have ended: the host's resources are free. */
  | { readonly type: "release" }
  /** Remove containers and what the hooks made, then forget the task. */
  | { readonly type: "cleanup" };

export interface StepSettings {
  readonly stopTimeoutSeconds: number;
  /** How long an ended task's containers are kept, milliseconds. */
  readonly cleanupWaitMs: number;
  /** How long temporary failures of a create or start are borne, milliseconds. */
  readonly createTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly pullTimeoutMs: number;
}
