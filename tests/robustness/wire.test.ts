// What no client of AWS's sends over a connection: halves, floods, two requests in one, nonsense over a websocket. Each is answered or
// closed, and whoever comes meanwhile or after is served.
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { signRequest } from "#lib/sigv4-sign.ts";
import { agentQueryString } from "#acs/upgrade-query.ts";
import { openChannel, type OpenChannel } from "#tests/support/agent-channel.ts";
import { eventually } from "#tests/support/estiba.ts";
import { call, callOf, send, sign, type Service, type Signer } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { instanceRow, startTwoHosts, type Host } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let root: Signer;
let host: Host;
let agent: Signer;
let checked = 0;
beforeAll(async () => {
  server = await startSimulatedServer();
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
  [host] = await startTwoHosts(server);
  agent = { endpoint: server.endpoint, credentials: await server.credentialsOf(host.instanceId) };
}, 30_000);
afterAll(() => server.close());

afterEach(async () => {
  const lines = server.log.slice(checked);
  checked = server.log.length;
  expect(lines.filter((line) => line.level === "error")).toEqual([]);
  expect(await call("ecs", "ListClusters", {}, root)).toMatchObject({ status: 200 });
});

const port = () => Number(new URL(server.endpoint).port);

/** Writes `text` and hears all that comes until the other side closes. */
function converse(text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    // Never closes its own side: the server must.
    const socket = connect({ port: port(), host: "127.0.0.1", allowHalfOpen: true }, () =>
      socket.write(text),
    );
    socket.setTimeout(8_000, () => socket.destroy(new Error(`The connection stays open after: ${heard}`)));
    socket.on("data", (chunk) => (heard += chunk.toString("latin1")));
    socket.on("end", () => {
      socket.destroy();
      resolve(heard);
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? resolve(heard) : reject(error),
    );
  });
}

/** A signed request as it stands on the wire. */
function wire(service: Service, operation: string, more: Readonly<Record<string, string>> = {}): string {
  const { headers, body } = sign(service, callOf(service, operation), root);
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)), ...more });
  return `POST / HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join("")}\r\n${body}`;
}
const statuses = (heard: string) => [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => Number(m[1]));

describe("a body", () => {
  it.each<[Service, string, string]>([
    ["ecs", "ListClusters", "RequestEntityTooLargeException"],
    ["elasticloadbalancing", "DescribeLoadBalancers", "RequestEntityTooLarge"],
    ["ec2", "DescribeInstances", "RequestEntityTooLarge"],
  ])("over the limit is refused in %s's form", async (service, operation, code) => {
    const big = `${service === "ecs" ? '{"x":"' : "x="}${"a".repeat(1024 * 1024)}${service === "ecs" ? '"}' : ""}`;
    expect(await call(service, operation, big, root)).toMatchObject({ status: 413, code });
  });

  it("without end is cut off", async () => {
    const { headers } = sign("ecs", callOf("ecs", "ListClusters"), root);
    const sent = await new Promise<number>((resolve, reject) => {
      let written = 0;
      const socket: Socket = connect(port(), "127.0.0.1", () => {
        const lines = Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`);
        socket.write(`POST / HTTP/1.1\r\n${lines.join("")}transfer-encoding: chunked\r\n\r\n`);
        const chunk = Buffer.alloc(64 * 1024, 97);
        const more = () => {
          while (!socket.destroyed && socket.writable) {
            written += chunk.length;
            if (!socket.write(`${chunk.length.toString(16)}\r\n${chunk.toString()}\r\n`)) break;
          }
        };
        socket.on("drain", more);
        more();
      });
      socket.resume();
      socket.setTimeout(8_000, () => reject(new Error(`It takes more and more: ${written}`)));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(written));
    });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    ["broken JSON", '{"clusters":', "SerializationException"],
    ["no JSON", "clusters=web", "SerializationException"],
    ["a list", "[]", "SerializationException"],
    ["a number", "7", "SerializationException"],
    ["two values", "{}{}", "SerializationException"],
    ["a byte order mark alone", "\ufeff[", "SerializationException"],
  ])("of %s is refused", async (_what, body, code) => {
    expect(await call("ecs", "DescribeClusters", body, root)).toMatchObject({ status: 400, code });
  });

  it.each([
    ["another version of the API", "AmazonEC2ContainerServiceV20130101.ListClusters"],
    ["an operation that AWS has and Estiba has not", "AmazonEC2ContainerServiceV20141113.CreateDaemon"],
    ["an operation of nobody", "AmazonEC2ContainerServiceV20141113.Nothing"],
    ["no operation", "AmazonEC2ContainerServiceV20141113."],
    ["a method of objects", "AmazonEC2ContainerServiceV20141113.hasOwnProperty"],
    ["markup", "<script>"],
  ])("for %s is an unknown operation", async (_what, target) => {
    const unsigned = callOf("ecs", "ListClusters");
    const answer = await send(
      sign("ecs", { ...unsigned, headers: { ...unsigned.headers, "x-amz-target": target } }, root),
    );
    expect(answer).toMatchObject({ status: 400, code: "UnknownOperationException" });
    expect(answer.text).not.toContain("<");
  });
});

describe("a connection", () => {
  it("with two requests in one packet answers both, in order", async () => {
    const heard = await converse(
      wire("ecs", "ListClusters") + wire("sts", "GetCallerIdentity", { connection: "close" }),
    );
    expect(statuses(heard)).toEqual([200, 200]);
    expect(heard.indexOf("clusterArns")).toBeLessThan(heard.indexOf("GetCallerIdentityResponse"));
  });

  it("with rubbish behind a request answers the request and closes", async () => {
    const heard = await converse(`${wire("ecs", "ListClusters")}\u0000\u0001 rubbish \r\n\r\n`);
    expect(statuses(heard).at(-1)).toBe(400);
    expect(statuses(heard).length).toBeLessThanOrEqual(2);
  });

  it.each([
    ["a length and chunks", () => wire("ecs", "ListClusters", { "transfer-encoding": "chunked" })],
    ["chunks by another name", () => wire("ecs", "ListClusters", { "transfer-encoding": "xchunked" })],
    ["a length that is none", () => wire("ecs", "ListClusters", { "content-length": "-1" })],
    [
      "a folded header",
      () =>
        wire("ecs", "ListClusters", { "x-folded": "a\r\n b: c" }).replace("x-folded: a\r\n", "x-folded:\r\n"),
    ],
    ["a space before a colon", () => wire("ecs", "ListClusters").replace("host:", "host :")],
    ["a zero in a header", () => wire("ecs", "ListClusters", { "x-zero": "a\u0000b" })],
    ["another protocol", () => "EHLO estiba\r\n\r\n"],
    ["TLS", () => Buffer.from("16030100a5010000a10303", "hex").toString("latin1")],
    ["HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["no host", () => "GET / HTTP/1.1\r\n\r\n"],
  ])("with %s is answered 4xx or nothing and closed", async (_what, text) => {
    const heard = statuses(await converse(Buffer.from(text(), "latin1")));
    expect(heard.filter((status) => status < 400 || status >= 500)).toEqual([]);
  });

  it("with too large a head is refused", async () => {
    expect(statuses(await converse(wire("ecs", "ListClusters", { "x-big": "a".repeat(100_000) })))).toEqual([
      431,
    ]);
  });

  it("with more headers than anybody needs is no way around the signature", async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-amz-h${i}`, "1"]));
    const heard = await converse(wire("ecs", "ListClusters", { ...many, connection: "close" }));
    expect(heard).toContain("InvalidSignatureException");
  });

  it("that stops half-way keeps nobody else waiting", async () => {
    const halves = [
      "P",
      "POST / HTTP/1.1\r\nhost: h\r\nx-half",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhalf",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nffff\r\nhalf",
      "GET /acs/ws HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\n",
    ];
    const sockets = Array.from({ length: 100 }, (_, i) => {
      const socket = connect(port(), "127.0.0.1", () => socket.write(halves[i % halves.length] ?? ""));
      socket.on("error", () => undefined);
      return socket;
    });
    await Promise.all(sockets.map((socket) => new Promise((done) => socket.once("ready", done))));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call("ecs", "ListClusters", {}, root)),
    );
    expect(answers.map((a) => a.status)).toEqual(answers.map(() => 200));
    for (const socket of sockets) socket.destroy();
  });

  it("that goes away while it is answered is forgotten", async () => {
    for (let i = 0; i < 50; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(port(), "127.0.0.1", () =>
          socket.write(wire("ecs", "ListClusters"), () => socket.destroy()),
        );
        socket.on("error", () => undefined);
        socket.on("close", () => resolve());
      });
    }
  });
});

/** Whether the control plane answers what follows on the channel; not when a newer connection has taken its place. */
async function isUnderstood(open: OpenChannel): Promise<boolean> {
  const REPLACED = 1012;
  const answer = (what: string, heard: () => string | undefined) =>
    eventually(what, () => heard() ?? (open.closed() === REPLACED ? REPLACED : undefined), 5);
  const manifest = await answer("the manifest", () =>
    open.heard.flatMap((m) => (m.type === "TaskManifestMessage" ? [m.message.messageId] : [])).at(0),
  );
  if (manifest === REPLACED) return false;
  open.send("TaskStopVerificationMessage", { messageId: manifest, stopCandidates: [] });
  const ack = await answer(
    "its answer",
    () => open.heard.find((m) => m.type === "TaskStopVerificationAck")?.type,
  );
  return ack !== REPLACED;
}

describe("an upgrade", () => {
  const upgrade = (path: string, more: Readonly<Record<string, string>> = {}, signer?: Signer) => {
    const signed =
      signer === undefined
        ? { host: "h" }
        : signRequest({
            method: "GET",
            url: server.endpoint + path,
            credentials: signer.credentials,
            region: "us-east-1",
            service: "ecs",
            time: Date.now(),
          });
    const headers = {
      ...signed,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
      ...more,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  };
  const own = (channel: "acs" | "tcs" = "acs") =>
    `/${channel}/ws?${agentQueryString({ channel, containerInstanceArn: host.containerInstanceArn, cluster: "web", sendCredentials: false })}`;

  it.each([
    ["to nothing", "/ws", 404],
    ["to the API", "/", 404],
    ["to the reset endpoint", "/_estiba/reset", 404],
    ["without a container instance", "/acs/ws", 404],
    ["with a broken query", "/acs/ws?containerInstanceArn=%", 400],
    ["that is not signed", "/acs/ws?containerInstanceArn=a", 400],
    ["of a thousand parameters", `/acs/ws?containerInstanceArn=a${"&a=1".repeat(1000)}`, 400],
  ])("%s is refused and its connection closed", async (_what, path, status) => {
    expect(statuses(await converse(upgrade(path)))).toEqual([status]);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ["of another version", { "sec-websocket-version": "7" }],
    ["without a key", { "sec-websocket-key": "" }],
    ["with a key that is none", { "sec-websocket-key": "short" }],
    ["to another protocol", { upgrade: "h2c" }],
  ])("%s is refused though it is signed", async (_what, more) => {
    const [status, ...others] = statuses(await converse(upgrade(own(), more, agent)));
    expect(others).toEqual([]);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  it.each<["acs" | "tcs", string]>(
    (["acs", "tcs"] as const).flatMap((channel) =>
      [
        "",
        "nonsense",
        "null",
        "[]",
        "{}",
        '{"type":"AckRequest"}',
        '{"type":"AckRequest","message":null}',
        '{"type":"__proto__","message":{}}',
        '{"type":"constructor","message":{"a":1}}',
        '{"type":"TaskStopVerificationMessage","message":{"messageId":"a","stopCandidates":[null]}}',
        '{"type":"PublishHealthRequest","message":{"metadata":{},"timestamp":1,"tasks":[{"taskArn":"a","containers":[{"containerName":"__proto__","healthStatus":"HEALTHY"}]}]}}',
        '{"type":"PublishMetricsRequest","message":{"metadata":{},"timestamp":1,"taskMetrics":[{"taskArn":1}]}}',
        "a\r\n\r\n{",
        "[".repeat(100_000),
      ].map((frame) => [channel, frame] as ["acs" | "tcs", string]),
    ),
  )("that became a channel (%s) hears %j and goes on", async (channel, frame) => {
    let open = await openChannel(channel, host.containerInstanceArn, agent);
    open.sendText(frame);
    // What follows is understood: the channel lives.
    if (channel === "tcs") {
      const status =
        instanceRow(server, host.containerInstanceArn)?.healthStatus === "OK" ? "IMPAIRED" : "OK";
      open.send("PublishInstanceStatusRequest", {
        metadata: {},
        timestamp: 1,
        statuses: [{ type: "ContainerRuntime", status }],
      });
      await eventually(
        "the channel goes on",
        () => instanceRow(server, host.containerInstanceArn)?.healthStatus === status || undefined,
        5,
      );
    } else {
      // The host's own agent comes back now and then, and takes the channel's place.
      while (!(await isUnderstood(open))) {
        open = await openChannel(channel, host.containerInstanceArn, agent);
        open.sendText(frame);
      }
    }
    open.close();
  });

  it.each<[string, (socket: WebSocket) => void]>([
    ["a frame of five megabytes", (s) => s.send("a".repeat(5 * 1024 * 1024))],
    ["a binary frame", (s) => s.send(Buffer.from([1, 2, 3]))],
    ["text that is no UTF-8", (s) => s.send(Buffer.from([0xff, 0xfe]), { binary: false })],
    ["an unmasked frame", (s) => rawSocket(s).write(Buffer.from([0x81, 0x01, 0x61]))],
    ["a frame of no known kind", (s) => rawSocket(s).write(Buffer.from([0x8b, 0x80, 0, 0, 0, 0]))],
    [
      "a length without end",
      (s) => rawSocket(s).write(Buffer.from([0x81, 0xff, ...Array<number>(8).fill(0xff)])),
    ],
    ["HTTP", (s) => rawSocket(s).write("GET / HTTP/1.1\r\n\r\n")],
  ])("that became a channel is closed for %s", async (_what, act) => {
    const { host: _, ...headers } = signRequest({
      method: "GET",
      url: server.endpoint + own(),
      credentials: agent.credentials,
      region: "us-east-1",
      service: "ecs",
      time: Date.now(),
    });
    const socket = new WebSocket(server.endpoint.replace("http", "ws") + own(), { headers });
    socket.on("error", () => undefined);
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    await new Promise((resolve) => socket.once("open", resolve));
    act(socket);
    expect([1002, 1003, 1006, 1007, 1009]).toContain(await closed);
  });

  it("leaves the host's own agent its place in the end", async () => {
    await eventually(
      "the agent is back",
      () => instanceRow(server, host.containerInstanceArn)?.agentConnected || undefined,
      15,
    );
  });
});

const rawSocket = (socket: WebSocket) => (socket as unknown as { readonly _socket: Socket })._socket;
