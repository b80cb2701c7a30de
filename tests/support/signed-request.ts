// Requests that no SDK would send: built and signed by hand, changed after they were signed, sent over a bare connection.
import { request } from "node:http";
import { signRequest, type SigningCredentials } from "#lib/sigv4-sign.ts";

export interface Unsent {
  readonly method: string;
  readonly url: string;
  /** Names in lower case; `host` is sent as it stands here. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The error's code in whatever protocol it was told; undefined when none can be found. */
  readonly code: string | undefined;
  /** The error's words. */
  readonly message: string | undefined;
}

export interface Signer {
  readonly endpoint: string;
  readonly credentials: SigningCredentials;
  readonly region?: string;
  /** Epoch milliseconds; now unless said otherwise. */
  readonly time?: number;
  /** The scope's service, when it shall not be the called one's. */
  readonly scopeService?: string;
  readonly path?: string;
}

/** `service` as the API knows it. */
export type Service = keyof typeof targets | keyof typeof versions;

/** Of services that speak JSON: how an operation's target begins. */
const targets = {
  ecs: "AmazonEC2ContainerServiceV20141113",
  events: "AWSEvents",
  kms: "TrentService",
  logs: "Logs_20140328",
  secretsmanager: "secretsmanager",
  servicediscovery: "Route53AutoNaming_v20170314",
  ssm: "AmazonSSM",
} as const;
const versions = {
  ec2: "2016-11-15",
  elasticloadbalancing: "2015-12-01",
  iam: "2010-05-08",
  sts: "2011-06-15",
} as const;

/** A call of an operation: JSON, or a form. */
export function callOf(
  service: Service,
  operation: string,
  input: Readonly<Record<string, unknown>> | string = {},
): Pick<Unsent, "method" | "headers" | "body"> {
  if (service in targets) {
    return {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `${targets[service as keyof typeof targets]}.${operation}`,
      },
      body: typeof input === "string" ? input : JSON.stringify(input),
    };
  }
  const form =
    typeof input === "string"
      ? input
      : new URLSearchParams(
          Object.entries(input).map(([k, v]): [string, string] => [k, String(v)]),
        ).toString();
  return {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: `Action=${operation}&Version=${versions[service as keyof typeof versions]}${form === "" ? "" : `&${form}`}`,
  };
}

export function sign(
  service: Service,
  unsigned: Pick<Unsent, "method" | "headers" | "body">,
  signer: Signer,
): Unsent {
  const url = signer.endpoint + (signer.path ?? "/");
  const headers = signRequest({
    ...unsigned,
    url,
    credentials: signer.credentials,
    region: signer.region ?? "us-east-1",
    service: signer.scopeService ?? service,
    time: signer.time ?? Date.now(),
  });
  return { ...unsigned, url, headers };
}

export function send({ method, url, headers, body }: Unsent, timeoutMs = 10_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, headers: { ...headers, "content-length": Buffer.byteLength(body) }, timeout: timeoutMs },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (text += chunk));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text,
            ...errorIn(text),
          }),
        );
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("No answer came.")));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

export const call = (
  service: Service,
  operation: string,
  input: Readonly<Record<string, unknown>> | string,
  signer: Signer,
): Promise<Answer> => send(sign(service, callOf(service, operation, input), signer));

function errorIn(text: string): Pick<Answer, "code" | "message"> {
  if (text.startsWith("{")) {
    const { __type, message } = JSON.parse(text) as { __type?: string; message?: string };
    return { code: __type, message };
  }
  return {
    code: /<Error>.*?<Code>([^<]*)<\/Code>/s.exec(text)?.[1],
    message: /<Error>.*?<Message>([^<]*)<\/Message>/s.exec(text)?.[1],
  };
}
