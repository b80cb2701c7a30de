// Tasks and containers for the tests of a task's life.
import type { WireContainer, WireTask } from "#acs/messages.ts";
import type { ContainerState } from "../engine/port.ts";
import type { StepSettings, TaskEvent } from "./events.ts";
import { newTask, type TaskState } from "./state.ts";
import { step, type Step } from "./step.ts";

export const SETTINGS: StepSettings = {
  stopTimeoutSeconds: 30,
  cleanupWaitMs: 3 * 3_600_000,
  createTimeoutMs: 240_000,
  startTimeoutMs: 180_000,
  pullTimeoutMs: 60_000,
};

export const ARN = "arn:aws:ecs:us-east-1:000000000000:task/main/0123";

export const wireContainer = (name: string, more: Partial<WireContainer> = {}): WireContainer => ({
  name,
  image: `${name}:1`,
  cpu: 0,
  memory: 0,
  essential: true,
  environment: {},
  portMappings: [],
  mountPoints: [],
  volumesFrom: [],
  ...more,
});

export const wireTask = (containers: readonly WireContainer[], more: Partial<WireTask> = {}): WireTask => ({
  arn: ARN,
  taskClusterArn: "arn:aws:ecs:us-east-1:000000000000:cluster/main",
  family: "web",
  version: "1",
  desiredStatus: "RUNNING",
  networkMode: "bridge",
  containers,
  volumes: [],
  ...more,
});

export const freshTask = (task: WireTask): TaskState =>
  newTask(
    task,
    task.containers.map((c) => ({ dockerName: `ecs-${c.name}`, metadataId: `m-${c.name}` })),
  );

export const seen = (name: string, more: Partial<ContainerState> = {}): ContainerState => ({
  id: `id-${name}`,
  name: `ecs-${name}`,
  labels: {},
  status: "running",
  oomKilled: false,
  error: "",
  startedAt: 1,
  ports: [],
  imageId: "sha256:0",
  ...more,
});

export const exited = (name: string, exitCode: number, more: Partial<ContainerState> = {}): ContainerState =>
  seen(name, { status: "exited", exitCode, finishedAt: 2, ...more });

/** A task that is walked by hand: every step's effects as short texts. */
export class Walk {
  state: TaskState;
  now = 1_000_000;
  last: Step | undefined;
  /** Effects of all steps so far. */
  readonly effects: string[] = [];

  constructor(containers: readonly WireContainer[], more: Partial<WireTask> = {}) {
    this.state = freshTask(wireTask(containers, more));
  }

  /** The effects of one step, for instance `pull web`. */
  on(event: TaskEvent): readonly string[] {
    this.last = step(this.state, event, this.now, SETTINGS);
    this.state = this.last.state;
    const effects = this.last.effects.map((e) => ("container" in e ? `${e.type} ${e.container}` : e.type));
    this.effects.push(...effects);
    return effects;
  }

  status(name: string): string {
    return this.container(name).status;
  }

  container(name: string) {
    const found = this.state.containers.find((c) => c.name === name);
    if (found === undefined) throw new Error(`There is no container ${name}.`);
    return found;
  }

  /** Admitted and with its hooks prepared. */
  begin(): readonly string[] {
    this.on({ type: "admitted", hostPorts: {} });
    return this.on({ type: "prepared" });
  }

  created(name: string): readonly string[] {
    this.on({ type: "pulled", container: name });
    return this.on({ type: "created", container: name, id: `id-${name}` });
  }

  running(name: string, more: Partial<ContainerState> = {}): readonly string[] {
    this.created(name);
    return this.on({ type: "started", container: name, seen: seen(name, more) });
  }

  ends(name: string, exitCode: number, more: Partial<ContainerState> = {}): readonly string[] {
    return this.on({ type: "seen", container: name, seen: exited(name, exitCode, more) });
  }
}
