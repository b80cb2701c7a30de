// What a task of a definition takes on its instance, counted as the agent counts it (agent protocol, "Admission"): whoever
// counts less than the agent makes tasks wait there without a word.
import type { ContainerOverride, TaskOverride } from "@aws-sdk/client-ecs";
import type { ContainerDefinition, TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import type { TaskResources } from "#domain/ecs/task.ts";

export function resourcesOf(body: TaskDefinitionBody, overrides: TaskOverride): TaskResources {
  const containers = body.containerDefinitions.map((definition) => ({
    definition,
    override: overrides.containerOverrides?.find((o) => o.name === definition.name),
  }));
  const sum = (of: (c: (typeof containers)[number]) => number | undefined) =>
    containers.reduce((total, c) => total + (of(c) ?? 0), 0);
  return {
    cpu: units(overrides.cpu ?? body.cpu) ?? sum((c) => c.override?.cpu ?? c.definition.cpu),
    memoryMiB: units(overrides.memory ?? body.memory) ?? sum((c) => memoryOf(c.definition, c.override)),
    tcpPorts: hostPorts(body, "tcp"),
    udpPorts: hostPorts(body, "udp"),
  };
}

function memoryOf(
  definition: ContainerDefinition,
  override: ContainerOverride | undefined,
): number | undefined {
  return override?.memoryReservation ?? definition.memoryReservation ?? override?.memory ?? definition.memory;
}

/** Ports that the definition fixes on the host. In bridge mode port 0 is the agent's choice; in host mode every port is the host's. */
function hostPorts(body: TaskDefinitionBody, protocol: "tcp" | "udp"): readonly number[] {
  const mode = body.networkMode ?? "bridge";
  if (mode === "awsvpc" || mode === "none") return [];
  const mappings = body.containerDefinitions.flatMap((c) => c.portMappings ?? []);
  return mappings
    .filter((m) => (m.protocol ?? "tcp") === protocol)
    .map((m) => (mode === "host" ? m.containerPort : m.hostPort))
    .filter((port): port is number => port !== undefined && port > 0);
}

/** The API's task sizes are text in units. */
function units(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}
