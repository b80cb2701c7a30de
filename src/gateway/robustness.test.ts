// Requests that no SDK sends: every one is answered in the protocol's shape or closed, and the next one is answered too.
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signRequest } from "#lib/sigv4-sign.ts";
import { account, accessKeyId, secretAccessKey, startGateway, type TestGateway } from "./gateway.suite.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ limits: { bodyBytes: 64 * 1024, parameters: 500 } });
});
afterAll(() => gateway.close());

interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  readonly service?: string;
  readonly method?: string;
  readonly path?: string;
}

async function send({ headers = {}, body = "", service = "ecs", method = "POST", path = "/" }: Sent) {
  const url = gateway.url + path;
  const signed = signRequest({
    ...{ method, url, headers, body, region: "eu-west-1", service, time: Date.now() },
    credentials: { accessKeyId, secretAccessKey },
  });
  const init = method === "GET" ? { method, headers: signed } : { method, headers: signed, body };
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const target = (operation: string) => ({
  "content-type": "application/x-amz-json-1.1",
  "x-amz-target": `AmazonEC2ContainerServiceV20141113.${operation}`,
});
const form = { "content-type": "application/x-www-form-urlencoded" };
const json = (body: string | Uint8Array, operation = "RunTask") => send({ headers: target(operation), body });
const query = (body: string, service = "elasticloadbalancing") => send({ headers: form, body, service });
const typeOf = (text: string) => (JSON.parse(text) as { __type?: string }).__type;

describe("an awsJson request", () => {
  it.each<[string, string | Uint8Array]>([
    ["broken JSON", '{"taskDefinition":'],
    ["JSON that is no object", "[1]"],
    ["a wrong type", '{"taskDefinition": 5}'],
    ["a wrong type inside", '{"taskDefinition": "a", "overrides": {"containerOverrides": [{"cpu": "1"}]}}'],
    ["a list for a structure", '{"taskDefinition": "a", "overrides": []}'],
    ["null in a list", '{"taskDefinition": "a", "tags": [null]}'],
    ["invalid UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ])("with %s is a SerializationException", async (_what, body) => {
    const answer = await json(body);
    expect([answer.status, typeOf(answer.text)]).toEqual([400, "SerializationException"]);
    expect(answer.headers.get("content-type")).toBe("application/x-amz-json-1.1");
    expect(answer.headers.get("x-amzn-requestid")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("with another content type is a SerializationException", async () => {
    const answer = await send({
      headers: { ...target("RunTask"), "content-type": "text/plain" },
      body: "{}",
    });
    expect(typeOf(answer.text)).toBe("SerializationException");
  });

  it("nested thirty thousand deep is refused, not crashed on", async () => {
    const deep = "[".repeat(30_000) + "]".repeat(30_000);
    const answer = await json(`{"taskDefinition": "a", "overrides": ${deep}}`);
    expect([answer.status, typeOf(answer.text)]).toEqual([400, "SerializationException"]);
  });

  it("without a required member names it", async () => {
    const answer = await json("{}");
    expect(JSON.parse(answer.text)).toEqual({
      __type: "InvalidParameterException",
      message: "TaskDefinition can not be blank.",
    });
  });

  it("too large is refused while the client is still sending", async () => {
    const answer = await json(JSON.stringify({ taskDefinition: "a".repeat(300_000) }));
    expect([answer.status, typeOf(answer.text)]).toEqual([413, "RequestEntityTooLargeException"]);
  });

  it("changes no prototype, and keeps such names where any name may stand", async () => {
    await json(
      '{"taskDefinition": "a", "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(gateway.calls.at(-1)?.input).toEqual({ taskDefinition: "a" });
    const labels =
      '{"family": "a", "containerDefinitions": [{"dockerLabels": {"__proto__": "x", "b": "y"}}]}';
    await json(labels, "RegisterTaskDefinition");
    const input = gateway.calls.at(-1)?.input as {
      containerDefinitions: { dockerLabels: Record<string, string> }[];
    };
    expect(Object.entries(input.containerDefinitions[0]?.dockerLabels ?? {})).toEqual([
      ["__proto__", "x"],
      ["b", "y"],
    ]);
  });

  it.each(["__proto__", "constructor", "toString", "Run$Task", ""])(
    "for %j is an unknown operation",
    async (name) => {
      const answer = await json("{}", name);
      expect([answer.status, typeOf(answer.text)]).toEqual([400, "UnknownOperationException"]);
    },
  );

  it("for a service that is not here is an unknown operation", async () => {
    const headers = { ...target(""), "x-amz-target": "DynamoDB_20120810.ListTables" };
    const answer = await send({ headers, body: "{}", service: "dynamodb" });
    expect(answer.text).toContain("DynamoDB_20120810.ListTables");
    expect(typeOf(answer.text)).toBe("UnknownOperationException");
  });

  it("without a signature is refused by its protocol's name", async () => {
    const response = await fetch(gateway.url, { method: "POST", headers: target("RunTask"), body: "{}" });
    expect([response.status, typeOf(await response.text())]).toEqual([
      400,
      "MissingAuthenticationTokenException",
    ]);
  });
});

describe("a Query request", () => {
  it.each<[string, string, string]>([
    ["no action", "Version=2015-12-01", "MissingAction"],
    ["an unknown action", "Action=Nope&Version=2015-12-01", "InvalidAction"],
    ["a prototype's name as action", "Action=__proto__&Version=2015-12-01", "InvalidAction"],
    ["another version", "Action=RegisterTargets&Version=2012-06-01", "InvalidAction"],
    ["a wrong number", "Action=CreateTargetGroup&Name=a&Port=eighty", "ValidationError"],
    ["a wrong boolean", "Action=CreateTargetGroup&Name=a&HealthCheckEnabled=maybe", "ValidationError"],
    ["invalid UTF-8", "Action=CreateTargetGroup&Name=%ff%fe", "MalformedQueryString"],
    [
      "too many parameters",
      `Action=CreateTargetGroup&${Array.from({ length: 600 }, (_, i) => `a${i}=1`).join("&")}`,
      "MalformedQueryString",
    ],
    [
      "a parameter nested too deeply",
      `Action=CreateTargetGroup&${"a.".repeat(100)}=1`,
      "MalformedQueryString",
    ],
  ])("with %s is answered in its form", async (_what, body, code) => {
    const answer = await query(body);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(/^<ErrorResponse( xmlns="[^"]+")?><Error><Type>Sender<\/Type><Code>/);
    expect(answer.text).toContain(`<Code>${code}</Code>`);
    expect(answer.text).toMatch(/<RequestId>[0-9a-f-]{36}<\/RequestId><\/ErrorResponse>$/);
    expect(answer.headers.get("content-type")).toBe("text/xml");
  });

  it("is answered as GET too", async () => {
    const path = "/?Action=GetCallerIdentity&Version=2011-06-15";
    const answer = await send({ method: "GET", path, service: "sts" });
    expect(answer.text).toContain(`<Account>${account}</Account>`);
    expect(answer.text).toContain(
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    );
  });

  it("with numbers far apart makes no list of that length", async () => {
    const body =
      "Action=RegisterTargets&TargetGroupArn=a&Targets.member.999999999.Id=b&Targets.member.2.Id=a";
    await query(body);
    expect(gateway.calls.at(-1)?.input).toEqual({ TargetGroupArn: "a", Targets: [{ Id: "a" }, { Id: "b" }] });
  });

  it("never puts a caller's text into the answer as markup", async () => {
    const answer = await query("Action=%3Cscript%3E&Version=%3Cb%3E");
    expect(answer.text).not.toMatch(/<script|<b>/);
  });

  it("for a service that is not here says so", async () => {
    const answer = await query("Action=ListQueues", "sqs");
    expect(answer.text).toContain("<Message>Could not find operation sqs:ListQueues</Message>");
  });

  it("without a signature, or no request for an API at all, misses a token", async () => {
    const body = "Action=GetCallerIdentity&Version=2011-06-15";
    for (const init of [{ method: "POST", headers: form, body }, { method: "GET" }]) {
      const response = await fetch(gateway.url, init);
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("<Code>MissingAuthenticationToken</Code>");
    }
  });
});

describe("an EC2 request", () => {
  it.each<[string, string, string, number]>([
    ["an unknown action", "Action=Nope&Version=2016-11-15", "InvalidAction", 400],
    ["an unknown parameter", "Action=DescribeInstances&Nope.1=a", "UnknownParameter", 400],
    ["a wrong number", "Action=DescribeInstances&MaxResults=many", "InvalidParameterValue", 400],
    ["invalid UTF-8", "Action=DescribeInstances&MaxResults=%ff", "MalformedQueryString", 400],
    ["a body too large", `Action=${"a".repeat(100_000)}`, "RequestEntityTooLarge", 413],
  ])("with %s is answered in its form", async (_what, body, code, status) => {
    const answer = await query(body, "ec2");
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(
      new RegExp(
        `<Response><Errors><Error><Code>${code}</Code><Message>[^<]+</Message></Error></Errors><RequestID>[0-9a-f-]{36}</RequestID></Response>$`,
      ),
    );
  });
});

describe("a connection", () => {
  const raw = (text: string, port = gateway.port) =>
    new Promise<string>((resolve, reject) => {
      let heard = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      socket.on("data", (chunk) => (heard += chunk.toString()));
      socket.on("close", () => resolve(heard));
      socket.on("error", reject);
    });

  it.each([
    ["that speaks no HTTP", "HELLO\r\n\r\n"],
    [
      "with an invalid chunk",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ],
    ["with two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
  ])("%s is answered 400 and closed", async (_what, text) => {
    expect(await raw(text)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("that ends in the middle of a body is forgotten", async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(gateway.port, "127.0.0.1", () => {
        socket.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf", () => socket.destroy());
      });
      socket.on("close", () => resolve());
    });
    await expect.poll(() => gateway.log.at(-1)?.fields?.["error"]).toBe("RequestAborted");
  });

  it.each([
    ["headers", "POST / HTTP/1.1\r\nHost: h\r\nX-Half"],
    ["a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf"],
  ])("that never ends %s is answered 408 and closed", async (_what, text) => {
    const other = await startGateway({}, { connectionsCheckingInterval: 10 });
    expect([other.server.headersTimeout, other.server.requestTimeout]).toEqual([10_000, 60_000]);
    other.server.headersTimeout = other.server.requestTimeout = 30;
    expect(await raw(text, other.port)).toMatch(/^HTTP\/1\.1 408 /);
    await other.close();
  });
});

it("answers 200 or 400 to any body at all, and never 500", async () => {
  const anyBody = fc.oneof(fc.string(), fc.json(), fc.webQueryParameters());
  await fc.assert(
    fc.asyncProperty(anyBody, fc.constantFrom("json", "query", "ec2"), async (body, kind) => {
      const answer =
        kind === "json"
          ? await json(body)
          : await query(
              `Action=${kind === "ec2" ? "DescribeInstances" : "CreateTargetGroup"}&${body}`,
              kind === "ec2" ? "ec2" : undefined,
            );
      expect([200, 400]).toContain(answer.status);
    }),
    { numRuns: 150 },
  );
});
