// A container's log configuration → Docker's LogConfig. What only the host of the moment knows is put in here and shown nowhere:
// the stream's name, where CloudWatch Logs answers. Pure.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
import type { ContainerDefinition } from "#domain/ecs/task-definition.ts";

export interface LogPlace {
  readonly taskId: string;
  /** The URL by which the container's engine reaches this server; AWS's own when absent. */
  readonly endpoint?: string | undefined;
}

export interface DockerLogConfig {
  readonly Type: string;
  readonly Config: Readonly<Record<string, string>>;
}

/** ECS's defaults: a server that is away never blocks a container's output, it loses what exceeds the buffer. */
const UNBLOCKED = { mode: "non-blocking", "max-buffer-size": "10m" } as const;

export function dockerLogConfig(
  definition: ContainerDefinition,
  place: LogPlace,
): DockerLogConfig | undefined {
  const { logConfiguration: log } = definition;
  if (log === undefined) return undefined;
  const options = log.options ?? {};
  if (log.logDriver !== "awslogs") return { Type: log.logDriver ?? "json-file", Config: options };
  const { "awslogs-stream-prefix": prefix, ...kept } = options;
  return {
    Type: "awslogs",
    Config: {
      ...(kept["mode"] === undefined ? UNBLOCKED : {}),
      ...kept,
      // Without a prefix the driver names the stream by the container's id.
      ...(prefix === undefined
        ? {}
        : { "awslogs-stream": `${prefix}/${definition.name ?? ""}/${place.taskId}` }),
      ...(place.endpoint === undefined ? {} : { "awslogs-endpoint": place.endpoint }),
    },
  };
}
