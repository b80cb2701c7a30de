// What a container waits for before it is made, and what must end before it is stopped (agent protocol, "Dependencies"). Pure.
import type { WireTask } from "#acs/messages.ts";
import { definitionOf, rank, type TaskContainer, type TaskState } from "./state.ts";

export type Verdict =
  { readonly met: true } | { readonly met: false } | { readonly met: false; readonly never: string };

const MET = { met: true } as const;
const NOT_YET = { met: false } as const;
const never = (reason: string): Verdict => ({ met: false, never: reason });

interface Edge {
  readonly on: string;
  readonly condition: "CREATED" | "START" | "COMPLETE" | "SUCCESS" | "HEALTHY";
}

const CONDITIONS = ["START", "COMPLETE", "SUCCESS", "HEALTHY"] as const;

function edgesOf(task: WireTask, name: string): readonly Edge[] {
  const container = task.containers.find((c) => c.name === name);
  if (container === undefined) return [];
  return [
    ...(container.dependsOn ?? []).map((d) => ({
      on: d.containerName,
      condition: CONDITIONS.find((c) => c === d.condition) ?? ("START" as const),
    })),
    ...(container.links ?? []).map((link) => ({
      on: link.split(":")[0] ?? "",
      condition: "START" as const,
    })),
    ...container.volumesFrom.map((from) => ({ on: from.sourceContainer, condition: "CREATED" as const })),
  ];
}

/** Whether the container may be made now; `never` says why it cannot be any more. */
export function mayBegin(state: TaskState, name: string, now: number): Verdict {
  let verdict: Verdict = MET;
  for (const edge of edgesOf(state.task, name)) {
    const other = state.containers.find((c) => c.name === edge.on);
    if (other === undefined) return never(`container "${edge.on}" is not part of the task`);
    const found = judge(state, edge, other, now);
    if ("never" in found) return found;
    if (!found.met) verdict = NOT_YET;
  }
  return verdict;
}

function judge(state: TaskState, { on, condition }: Edge, other: TaskContainer, now: number): Verdict {
  const ended = other.status === "STOPPED";
  const hasRun = other.startedAt !== undefined;
  switch (condition) {
    case "CREATED":
      if (ended && other.runtimeId === undefined) return never(`container "${on}" was never created`);
      return rank(other.status) >= rank("CREATED") ? MET : NOT_YET;
    case "START":
      if (ended && !hasRun) return never(`container "${on}" did not start`);
      return rank(other.status) >= rank("RUNNING") ? MET : NOT_YET;
    case "COMPLETE":
      if (ended) return hasRun ? MET : never(`container "${on}" did not start`);
      break;
    case "SUCCESS":
      if (ended) return other.exitCode === 0 ? MET : never(`container "${on}" did not exit successfully`);
      break;
    case "HEALTHY":
      if (ended) return never(`container "${on}" ended before it was healthy`);
      if (other.status === "RUNNING" && other.health?.status === "HEALTHY") return MET;
      break;
  }
  const deadline = startDeadline(state, other);
  return deadline !== undefined && now >= deadline
    ? never(`container "${on}" did not become ${condition} within its start timeout`)
    : NOT_YET;
}

/** When those that wait for more than this container's start give up; undefined without a timeout or before its start. */
export function startDeadline(state: TaskState, container: TaskContainer): number | undefined {
  const seconds = definitionOf(state, container.name).startTimeout ?? 0;
  return seconds > 0 && container.startedAt !== undefined ? container.startedAt + seconds * 1000 : undefined;
}

/** Containers are stopped in the reverse order: all that began after this one must have ended. */
export function mayEnd(state: TaskState, name: string): boolean {
  return state.containers.every(
    (other) =>
      other.status === "STOPPED" || !edgesOf(state.task, other.name).some((edge) => edge.on === name),
  );
}

/** Why the dependencies can never be followed: a cycle or an unknown name. */
export function dependencyFault(task: WireTask): string | undefined {
  const names = new Set(task.containers.map((c) => c.name));
  const done = new Set<string>();
  const path = new Set<string>();
  const visit = (name: string): string | undefined => {
    if (done.has(name)) return undefined;
    if (path.has(name)) return `the dependencies of container "${name}" form a cycle`;
    path.add(name);
    for (const { on } of edgesOf(task, name)) {
      if (!names.has(on)) return `container "${name}" depends on "${on}", which is not part of the task`;
      const fault = visit(on);
      if (fault !== undefined) return fault;
    }
    path.delete(name);
    done.add(name);
    return undefined;
  };
  for (const name of names) {
    const fault = visit(name);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
