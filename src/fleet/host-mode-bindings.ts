// The network bindings of a container in host mode: its ports are the host's. Pure.
import type { ContainerDefinition } from "#domain/ecs/task-definition.ts";
import type { NetworkBinding } from "#domain/ecs/task.ts";

export function hostModeBindings(
  definitions: readonly ContainerDefinition[],
  container: string,
): readonly NetworkBinding[] {
  const mappings = definitions.find((d) => d.name === container)?.portMappings ?? [];
  return mappings.flatMap((mapping) =>
    mapping.containerPort === undefined
      ? []
      : [
          {
            bindIP: "0.0.0.0",
            containerPort: mapping.containerPort,
            hostPort: mapping.containerPort,
            protocol: mapping.protocol === "udp" ? ("udp" as const) : ("tcp" as const),
          },
        ],
  );
}
