// Volumes of the engine: made before the task's containers; a task's own are removed with them, shared ones stay.
import { messageOf } from "#lib/errors.ts";
import { LABELS } from "../container-spec.ts";
import type { Engine } from "../engine/port.ts";
import { engineVolumes } from "../volume-source.ts";
import { TaskFailure, type TaskHook } from "./hook.ts";

export function createVolumesHook(engine: Pick<Engine, "createVolume" | "removeVolume">): TaskHook {
  return {
    name: "volumes",
    async prepare({ task }) {
      for (const volume of engineVolumes(task)) {
        const labels =
          volume.lifetime === "task" ? { ...volume.labels, [LABELS.taskArn]: task.arn } : volume.labels;
        await engine.createVolume(volume.name, labels).catch((error: unknown) => {
          throw new TaskFailure("CannotCreateVolumeError", messageOf(error));
        });
      }
    },
    async cleanup({ task }) {
      for (const volume of engineVolumes(task))
        if (volume.lifetime === "task") await engine.removeVolume(volume.name);
    },
  };
}
