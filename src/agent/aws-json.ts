// One signed awsJson 1.1 call to the control plane: the form in which ECS, Systems Manager and Secrets Manager are spoken to.
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { signRequest, type SigningCredentials } from "#lib/sigv4-sign.ts";
import { CallFailed } from "./control-plane.ts";
import { httpRequest } from "./http-request.ts";

export interface AwsJsonTarget {
  /** Base URL without a slash at its end. */
  readonly endpoint: string;
  readonly region: string;
  /** The signing name, for instance `ssm`. */
  readonly service: string;
  /** Of the header `x-amz-target`: `AmazonSSM`. */
  readonly target: string;
  readonly clock: Pick<Clock, "now">;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

type Members = Readonly<Record<string, unknown>>;

/** The answer's members. @throws CallFailed with AWS's code, or `Unreachable` */
export async function callAwsJson(
  to: AwsJsonTarget,
  credentials: () => Promise<SigningCredentials>,
  operation: string,
  input: Members,
): Promise<Members> {
  const url = `${to.endpoint}/`;
  const body = JSON.stringify(input);
  const answer = await unreachable(async () => {
    const headers = signRequest({
      method: "POST",
      url,
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `${to.target}.${operation}` },
      body,
      credentials: await credentials(),
      region: to.region,
      service: to.service,
      time: to.clock.now(),
    });
    return httpRequest("POST", url, {
      headers: { ...headers, "user-agent": to.userAgent, "content-length": `${Buffer.byteLength(body)}` },
      body,
      timeoutMs: to.timeoutMs,
    });
  });
  const members = jsonObject(answer.body);
  if (answer.status === 200) return members;
  const requestId = answer.headers["x-amzn-requestid"];
  const said = members["message"] ?? members["Message"];
  throw new CallFailed(
    codeOf(members, answer.status),
    typeof said === "string" ? said : `${operation} was answered with ${answer.status}.`,
    { status: answer.status, ...(typeof requestId === "string" ? { requestId } : {}) },
  );
}

async function unreachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CallFailed("Unreachable", messageOf(error));
  }
}

function jsonObject(text: string): Members {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Members;
  } catch {
    // An answer that is no JSON has no members; its status tells what it was.
  }
  return {};
}

function codeOf(members: Members, status: number): string {
  const type = members["__type"] ?? members["code"];
  if (typeof type === "string") return type.slice(type.indexOf("#") + 1);
  return status >= 500 ? "ServerException" : `HTTP${status}`;
}
