// The task scale-in protection endpoint: a container's request becomes a call of the ECS API, signed with its task's role, so that
// the role's permissions decide and not the host's.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
import type { RoleCredentials } from "#acs/messages.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";
import type { LocalAnswer } from "./metadata/routes.ts";

export interface ProtectionParts {
  /** The task of a container's metadata id; `credentials` when its role's have come. */
  readonly find: (
    metadataId: string,
  ) => { readonly taskArn: string; readonly credentials: RoleCredentials | undefined } | undefined;
  readonly cluster: string;
  /** A call of the ECS API with these credentials; it gives up before the container does. */
  readonly callAs: (credentials: RoleCredentials) => ControlPlane["call"];
}

/** Answers `/api/<id>/task-protection/v1/state`; undefined for a path of something else. */
export type ProtectionEndpoint = (
  method: string,
  path: string,
  body: string,
) => Promise<LocalAnswer | undefined>;

const PATH = /^\/api\/([^/]*)\/task-protection\/v1\/state\/?$/;
const MEMBERS = new Set(["ProtectionEnabled", "ExpiresInMinutes"]);

export function createProtectionEndpoint({ find, cluster, callAs }: ProtectionParts): ProtectionEndpoint {
  return async (method, path, body) => {
    const id = PATH.exec(path)?.[1];
    if (id === undefined) return undefined;
    if (method !== "GET" && method !== "PUT") return { status: 405, body: "only GET and PUT are served" };
    const found = find(id);
    if (found === undefined)
      return refuse(404, "", "ResourceNotFoundException", "No task has the id of the request.");
    const { taskArn, credentials } = found;
    const wanted = method === "GET" ? {} : readWanted(body);
    if (typeof wanted === "string") return refuse(400, taskArn, "InvalidParameterException", wanted);
    if (credentials === undefined)
      return refuse(
        403,
        taskArn,
        "AccessDeniedException",
        "The task has no credentials of a task role: protection is asked for with those.",
      );
    const operation = method === "GET" ? "GetTaskProtection" : "UpdateTaskProtection";
    try {
      return show(
        await callAs(credentials)(operation, {
          // The task's, which on Fargate is not its host's.
          cluster: taskArn.split("/").at(-2) ?? cluster,
          tasks: [taskArn],
          ...wanted,
        }),
      );
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      const { status = 500, requestId } = error;
      return refuse(status, taskArn, error.code, error.message, requestId);
    }
  };
}

/** The call's members, or what is wrong. */
function readWanted(
  body: string,
): { readonly protectionEnabled: boolean; readonly expiresInMinutes?: number } | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return "The body is not JSON.";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "The body is not a JSON object.";
  const members = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(members).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return `The body has the unknown member ${JSON.stringify(unknown)}.`;
  const { ProtectionEnabled: enabled, ExpiresInMinutes: minutes } = members;
  if (typeof enabled !== "boolean") return "ProtectionEnabled is missing or neither true nor false.";
  if (minutes === undefined || minutes === null) return { protectionEnabled: enabled };
  if (!Number.isInteger(minutes)) return "ExpiresInMinutes is not a whole number.";
  return { protectionEnabled: enabled, expiresInMinutes: minutes as number };
}

function show(answer: Readonly<Record<string, unknown>>): LocalAnswer {
  const [failure] = list(answer["failures"]);
  if (failure !== undefined) {
    const { arn = null, reason = null, detail = null } = failure;
    return { status: 200, body: { failure: { Arn: arn, Reason: reason, Detail: detail } } };
  }
  const [task] = list(answer["protectedTasks"]);
  if (task === undefined) return refuse(500, "", "ServerException", "The control plane named no task.");
  const { expirationDate: at, protectionEnabled, taskArn } = task;
  // AWS JSON has times in seconds.
  const expirationDate = typeof at === "number" ? new Date(at * 1000).toISOString() : null;
  return {
    status: 200,
    body: {
      protection: { ExpirationDate: expirationDate, ProtectionEnabled: protectionEnabled, TaskArn: taskArn },
    },
  };
}

const list = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? (value as Readonly<Record<string, unknown>>[]) : [];

const refuse = (
  status: number,
  arn: string,
  code: string,
  message: string,
  requestID?: string,
): LocalAnswer => ({
  status,
  body: {
    ...(requestID === undefined ? {} : { requestID }),
    error: { Arn: arn, Code: code, Message: message },
  },
});
