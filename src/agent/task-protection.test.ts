import { describe, expect, it } from "vitest";
import type { RoleCredentials } from "#acs/messages.ts";
import { CallFailed } from "./control-plane.ts";
import { createProtectionEndpoint } from "./task-protection.ts";

const TASK = "arn:aws:ecs:us-east-1:000000000000:task/main/0123";
const role: RoleCredentials = {
  credentialsId: "c-1",
  roleArn: "arn:role",
  accessKeyId: "ASIATASK",
  secretAccessKey: "s",
  sessionToken: "t",
  expiration: "2026-01-01T06:00:00Z",
};

function endpoint(answer: object | Error = {}) {
  const calls: unknown[] = [];
  const handle = createProtectionEndpoint({
    find: (id) =>
      id === "m-1"
        ? { taskArn: TASK, credentials: role }
        : id === "m-none"
          ? { taskArn: TASK, credentials: undefined }
          : undefined,
    cluster: "main",
    callAs:
      ({ accessKeyId }) =>
      async (operation, input) => {
        calls.push([accessKeyId, operation, input]);
        if (answer instanceof Error) throw answer;
        return answer as Readonly<Record<string, unknown>>;
      },
  });
  const ask = (method: string, body: unknown = "", id = "m-1") =>
    handle(
      method,
      `/api/${id}/task-protection/v1/state`,
      typeof body === "string" ? body : JSON.stringify(body),
    );
  return { ask, handle, calls };
}

describe("the task protection endpoint", () => {
  it("reads the protection with the task role's credentials", async () => {
    const { ask, calls } = endpoint({
      protectedTasks: [{ taskArn: TASK, protectionEnabled: true, expirationDate: 1_767_225_600 }],
    });
    expect(await ask("GET")).toEqual({
      status: 200,
      body: {
        protection: {
          ExpirationDate: "2026-01-01T00:00:00.000Z",
          ProtectionEnabled: true,
          TaskArn: TASK,
        },
      },
    });
    expect(calls).toEqual([["ASIATASK", "GetTaskProtection", { cluster: "main", tasks: [TASK] }]]);
  });

  it("sets it for the asking task", async () => {
    const { ask, calls } = endpoint({ protectedTasks: [{ taskArn: TASK, protectionEnabled: false }] });
    const answer = await ask("PUT", { ProtectionEnabled: true, ExpiresInMinutes: 60 });
    expect(answer?.body).toEqual({
      protection: { ExpirationDate: null, ProtectionEnabled: false, TaskArn: TASK },
    });
    await ask("PUT", { ProtectionEnabled: false });
    expect(calls).toEqual([
      [
        "ASIATASK",
        "UpdateTaskProtection",
        { cluster: "main", tasks: [TASK], protectionEnabled: true, expiresInMinutes: 60 },
      ],
      ["ASIATASK", "UpdateTaskProtection", { cluster: "main", tasks: [TASK], protectionEnabled: false }],
    ]);
  });

  it("hands on why a task cannot be protected", async () => {
    const { ask } = endpoint({ protectedTasks: [], failures: [{ arn: TASK, reason: "TASK_NOT_VALID" }] });
    expect(await ask("GET")).toEqual({
      status: 200,
      body: { failure: { Arn: TASK, Reason: "TASK_NOT_VALID", Detail: null } },
    });
  });

  it("hands on a refusal with its status, and an unreachable control plane as a failure of the server", async () => {
    const refused = new CallFailed("AccessDeniedException", "no", { status: 400, requestId: "r-1" });
    expect(await endpoint(refused).ask("GET")).toEqual({
      status: 400,
      body: { requestID: "r-1", error: { Arn: TASK, Code: "AccessDeniedException", Message: "no" } },
    });
    expect(await endpoint(new CallFailed("Unreachable", "gone")).ask("GET")).toEqual({
      status: 500,
      body: { error: { Arn: TASK, Code: "Unreachable", Message: "gone" } },
    });
  });

  it.each([
    ["not json", /not JSON/],
    ["[]", /not a JSON object/],
    [{}, /ProtectionEnabled is missing/],
    [{ ProtectionEnabled: "true" }, /ProtectionEnabled is missing or neither/],
    [{ ProtectionEnabled: true, ExpiresInMinutes: 1.5 }, /not a whole number/],
    [{ ProtectionEnabled: true, Expires: 1 }, /unknown member "Expires"/],
  ])("refuses the body %j without asking anybody", async (body, words) => {
    const { ask, calls } = endpoint();
    expect(await ask("PUT", body)).toMatchObject({
      status: 400,
      body: {
        error: {
          Arn: TASK,
          Code: "InvalidParameterException",
          Message: expect.stringMatching(words) as string,
        },
      },
    });
    expect(calls).toEqual([]);
  });

  it("answers 403 without a task role, 404 to an unknown id, 405 to other methods", async () => {
    const { ask, handle, calls } = endpoint();
    expect(await ask("GET", "", "m-none")).toMatchObject({
      status: 403,
      body: { error: { Arn: TASK, Code: "AccessDeniedException" } },
    });
    expect((await ask("GET", "", "other"))?.status).toBe(404);
    expect((await ask("DELETE"))?.status).toBe(405);
    expect(await handle("GET", "/api/m-1/fault/v1/network-latency/start", "")).toBeUndefined();
    expect(calls).toEqual([]);
  });
});
