// The agent's introspection endpoint: what runs here, for whoever is on the host. It shows no secret and changes nothing; that
// only the host reaches it is the network's to see to. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-introspection.html
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { LocalAnswer } from "./metadata/routes.ts";
import type { MetadataSource, TaskView } from "./metadata/port.ts";
import { containerDocument, type Document } from "./metadata/render.ts";

/** The stock agent's. */
export const INTROSPECTION_PORT = 51678;

export interface IntrospectionOptions {
  readonly metadata: Pick<MetadataSource, "all">;
  readonly cluster: string;
  /** Undefined until registered. */
  readonly containerInstanceArn: () => string | undefined;
  /** As in the user agent: `Amazon ECS Agent - v1…`. */
  readonly version: string;
  readonly logger: Logger;
  /** 51678 unless said otherwise; 0 for any. */
  readonly port?: number;
  /** All addresses unless said otherwise. */
  readonly host?: string;
}

export interface Introspection {
  readonly port: number;
  close(): Promise<void>;
}

const COMMANDS = ["/v1/metadata", "/v1/tasks", "/license"];
const LICENSE =
  "Estiba is licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0";

/** Resolves when it listens. @throws Error when the port is taken */
export async function startIntrospection(options: IntrospectionOptions): Promise<Introspection> {
  const { logger } = options;
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    const url = new URL(URL.canParse(request.url ?? "", BASE) ? (request.url ?? "") : "/", BASE);
    const answering =
      request.method === "GET"
        ? introspectionAnswer(options, url)
        : Promise.resolve({ status: 405, body: "only GET is served" });
    answering
      .catch((error: unknown) => {
        logger.error("An introspection request failed.", { reason: messageOf(error) });
        return { status: 500, body: "internal error" };
      })
      .then(({ status, body }) => {
        const isText = url.pathname === "/license";
        response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json" });
        response.end(isText ? String(body) : JSON.stringify(body));
      })
      .catch(() => response.destroy());
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? INTROSPECTION_PORT, options.host ?? "0.0.0.0", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const BASE = "http://localhost";

async function introspectionAnswer(options: IntrospectionOptions, url: URL): Promise<LocalAnswer> {
  switch (url.pathname) {
    case "/v1/metadata":
      return {
        status: 200,
        body: {
          Cluster: options.cluster,
          ContainerInstanceArn: options.containerInstanceArn() ?? null,
          Version: options.version,
        },
      };
    case "/v1/tasks":
      return tasksAnswer(await options.metadata.all(), url.searchParams);
    case "/license":
      return { status: 200, body: LICENSE };
    default:
      return { status: 200, body: { AvailableCommands: COMMANDS } };
  }
}

function tasksAnswer(tasks: readonly TaskView[], query: URLSearchParams): LocalAnswer {
  const [arn, dockerId] = [query.get("taskarn"), query.get("dockerid")];
  if (arn !== null && dockerId !== null)
    return { status: 400, body: "taskarn and dockerid cannot be given together" };
  if (arn === null && dockerId === null) return { status: 200, body: { Tasks: tasks.map(taskDocument) } };
  const found = tasks.filter((task) =>
    arn === null
      ? task.containers.some((c) => dockerId && c.dockerId.startsWith(dockerId))
      : task.taskArn === arn,
  );
  const [task] = found;
  if (found.length > 1) return { status: 400, body: "more than one task has a container whose id begins so" };
  return task === undefined
    ? { status: 404, body: "no task of this host is asked for" }
    : { status: 200, body: taskDocument(task) };
}

const SHOWN = [
  ...["DockerId", "DockerName", "Name", "Image", "ImageID", "CreatedAt", "StartedAt", "Ports", "Networks"],
  ...["Volumes", "RestartCount"],
];

function taskDocument(task: TaskView): Document {
  return {
    Arn: task.taskArn,
    DesiredStatus: task.desiredStatus,
    KnownStatus: task.knownStatus,
    Family: task.family,
    Version: task.revision,
    Containers: task.containers.map((container) => {
      const document = containerDocument("v4", container);
      return Object.fromEntries(
        SHOWN.flatMap((name) => (document[name] === undefined ? [] : [[name, document[name]]])),
      );
    }),
  };
}
