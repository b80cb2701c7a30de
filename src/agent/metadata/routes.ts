// Which document a path of the task metadata endpoint answers with, and the errors of each version.
import type { MetadataSource } from "./port.ts";
import { containerDocument, taskDocument } from "./render.ts";

export interface LocalAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * `/v4/<id>`, `/v4/<id>/task` and the same of v3; undefined for a path of something else. What the endpoint of AWS has beyond
 * (stats, tags, associations) is answered with 404 and its name: it is not served.
 */
export function metadataAnswer(source: MetadataSource, path: string): LocalAnswer | undefined {
  const [, version, id = "", part = "", ...rest] = path.split("/");
  if (version !== "v3" && version !== "v4") return undefined;
  const notFound = version === "v4" ? 404 : 400;
  const found = source.find(id);
  if (found === undefined)
    return {
      status: notFound,
      body: `${version.toUpperCase()} metadata: no container has the id of the request`,
    };
  if (part === "") return { status: 200, body: containerDocument(version, found.container) };
  if (part === "task" && rest.every((segment) => segment === ""))
    return { status: 200, body: taskDocument(version, found.task) };
  return {
    status: 404,
    body: `${version.toUpperCase()} metadata: ${[part, ...rest].join("/")} is not served here`,
  };
}
