// Which document a path of the task metadata endpoint answers with, and the errors of each version.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint.html
import type { ContainerView, MetadataSource, TaskView } from "./port.ts";
import {
  containerDocument,
  statsDocument,
  tagsDocument,
  taskDocument,
  type MetadataVersion,
} from "./render.ts";

export interface LocalAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** By whom a path is asked for: a container that knows its id, or whoever has the task's own address. */
interface Asked {
  readonly task: TaskView;
  readonly container?: ContainerView;
}

/**
 * `/v4/<id>`, `/v3/<id>` and below; `/v2/metadata`, `/v2/stats` and below, for the task whose own address is `address`.
 * Undefined for a path of something else.
 */
export async function metadataAnswer(
  source: MetadataSource,
  path: string,
  address: string,
): Promise<LocalAnswer | undefined> {
  const [, version = "", ...rest] = path.split("/");
  const parts = rest.at(-1) === "" ? rest.slice(0, -1) : rest;
  if (version === "v2") return answerByAddress(source, parts, address);
  if (version !== "v3" && version !== "v4") return undefined;
  const [id = "", ...below] = parts;
  const asked = await source.find(id);
  if (asked === undefined) return refusal(version, "no container has the id of the request");
  return (
    (await answerBelow(source, version, asked, below)) ?? {
      status: 404,
      body: `${version.toUpperCase()} metadata: there is no ${below.join("/")}`,
    }
  );
}

async function answerBelow(
  source: MetadataSource,
  version: "v3" | "v4",
  { task, container }: Required<Asked>,
  below: readonly string[],
): Promise<LocalAnswer | undefined> {
  const [part, name, ...rest] = below;
  switch ([part, name].filter((p) => p !== undefined).join("/")) {
    case "":
      return { status: 200, body: containerDocument(version, container) };
    case "task":
      return { status: 200, body: taskDocument(version, task) };
    case "taskWithTags":
      return { status: 200, body: await withTags(source, version, task) };
    case "stats":
      return statsAnswer(source, version, container);
    case "task/stats":
      return rest.length > 0 ? undefined : { status: 200, body: await statsOfTask(source, version, task) };
  }
  // Elastic Inference alone had any, and is no more.
  if (part !== "associations" || name === undefined) return undefined;
  return rest.length === 0
    ? { status: 200, body: { Associations: [] } }
    : refusal(version, `there is no association ${rest.join("/")} of type ${name}`);
}

async function answerByAddress(
  source: MetadataSource,
  [part = "", dockerId, ...rest]: readonly string[],
  address: string,
): Promise<LocalAnswer | undefined> {
  if (!["metadata", "metadataWithTags", "stats"].includes(part) || rest.length > 0) return undefined;
  const task = await source.findByAddress(address);
  if (task === undefined)
    return refusal("v2", `no task has the address ${address}: version 2 serves network mode awsvpc only`);
  const container = task.containers.find((c) => c.dockerId === dockerId);
  if (dockerId !== undefined && container === undefined)
    return refusal("v2", "the task has no container of that id");
  if (part === "stats") {
    return container === undefined
      ? { status: 200, body: await statsOfTask(source, "v2", task) }
      : statsAnswer(source, "v2", container);
  }
  if (container !== undefined) return { status: 200, body: containerDocument("v2", container) };
  return {
    status: 200,
    body: part === "metadata" ? taskDocument("v2", task) : await withTags(source, "v2", task),
  };
}

const withTags = async (source: MetadataSource, version: MetadataVersion, task: TaskView) => ({
  ...taskDocument(version, task),
  ...tagsDocument(version, await source.tags(task.taskArn)),
});

async function statsAnswer(
  source: MetadataSource,
  version: MetadataVersion,
  { dockerId }: ContainerView,
): Promise<LocalAnswer> {
  const stats = dockerId === "" ? undefined : await source.stats(dockerId);
  return stats === undefined
    ? refusal(version, "the container has no statistics: it does not run")
    : { status: 200, body: statsDocument(version, stats) };
}

async function statsOfTask(source: MetadataSource, version: MetadataVersion, task: TaskView) {
  const made = task.containers.filter((c) => c.dockerId !== "");
  const all = await Promise.all(
    made.map(async (c) => [c.dockerId, statsDocument(version, await source.stats(c.dockerId))] as const),
  );
  return Object.fromEntries(all);
}

const refusal = (version: MetadataVersion, text: string): LocalAnswer => ({
  status: version === "v4" ? 404 : 400,
  body: `${version.toUpperCase()} metadata: ${text}`,
});
