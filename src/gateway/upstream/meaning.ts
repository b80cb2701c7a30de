// The permissions of a call to a service that Estiba does not have: exactly for S3 and DynamoDB, by the queue for SQS, and for every
// other service its operation's own action on everything.
import { formatArn } from "#lib/arn.ts";
import { readParameters } from "../query-parameters.ts";
import { header } from "../wire-request.ts";
import { readDynamoDb } from "./dynamodb.ts";
import { readS3 } from "./s3.ts";
import { type Call, type Meaning, NotRouted } from "./target.ts";

/** Where IAM's prefix is not the signing name. */
const PREFIXES: Readonly<Record<string, string>> = { monitoring: "cloudwatch", email: "ses" };
const MOST_PARAMETERS = 10_000;

/** @throws NotRouted */
export function meaningOf(service: string, call: Call): Meaning {
  if (service === "s3") return readS3(call);
  const operation = operationOf(call);
  if (service === "dynamodb") return readDynamoDb(operation, call);
  const action = `${PREFIXES[service] ?? service}:${operation}`;
  const queue = service === "sqs" ? queueOf(call) : undefined;
  return { action, permissions: [{ action, resource: queue ?? "*" }] };
}

/** From X-Amz-Target or the parameter Action; other protocols do not say it in a way that is the same for all. */
function operationOf({ request, body }: Call): string {
  const target = header(request, "x-amz-target");
  const targets = request.headers.get("x-amz-target")?.length ?? 0;
  const name =
    target === undefined
      ? readParameters({ ...request, body }, MOST_PARAMETERS).get("Action")
      : target.slice(target.lastIndexOf(".") + 1);
  if (name === undefined || targets > 1 || !/^[A-Za-z]\w{0,127}$/.test(name))
    throw new NotRouted(
      "It cannot be told which operation this is, so no policy can be asked: it is not routed.",
    );
  return name;
}

function queueOf({ request, body, region, account }: Call): string | undefined {
  const url = request.headers.has("x-amz-target")
    ? inJson(body)
    : readParameters({ ...request, body }, MOST_PARAMETERS).get("QueueUrl");
  const name = /\/([\w-]{1,80}(?:\.fifo)?)$/.exec(url ?? "")?.[1];
  return name === undefined ? undefined : formatArn({ service: "sqs", region, account, resource: name });
}

function inJson(body: Uint8Array): string | undefined {
  try {
    const { QueueUrl: url } = JSON.parse(Buffer.from(body).toString("utf8")) as {
      readonly QueueUrl?: unknown;
    };
    return typeof url === "string" ? url : undefined;
  } catch {
    throw new NotRouted("The request is no JSON.");
  }
}
