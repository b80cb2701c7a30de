// What a volume of a task is on the host: a path or a volume of the engine. Pure.
import type { WireTask, WireVolume } from "#acs/messages.ts";
import { taskIdOf } from "./task/state.ts";

/** The source of a bind: a path of the host, below `hostRoot` for the engine, or the name of an engine's volume. */
export function volumeSource(task: WireTask, volume: WireVolume, hostRoot = ""): string {
  if (isHostPath(volume)) return hostRoot + (volume.host?.sourcePath ?? "");
  if (volume.dockerVolumeConfiguration?.scope === "shared") return volume.name;
  return `ecs-${task.family}-${task.version}-${volume.name.replace(/[^A-Za-z0-9-]/g, "")}-${taskIdOf(task.arn)}`;
}

const isHostPath = (volume: WireVolume): boolean =>
  volume.dockerVolumeConfiguration === undefined && (volume.host?.sourcePath ?? "") !== "";

/** Volumes of the engine that exist for this task alone, or are made for whoever names them. */
export function engineVolumes(task: WireTask): readonly {
  readonly name: string;
  readonly lifetime: "task" | "shared";
  readonly labels: Readonly<Record<string, string>>;
}[] {
  return task.volumes
    .filter((v) => !isHostPath(v))
    .map((v) => ({
      name: volumeSource(task, v),
      lifetime: v.dockerVolumeConfiguration?.scope === "shared" ? "shared" : "task",
      labels: v.dockerVolumeConfiguration?.labels ?? {},
    }));
}
