// Who is not let in: requests whose signature does not stand, in each protocol's own words, against a whole server.
import { HttpRequest } from "@smithy/core/protocols";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sdkSigner } from "#lib/sdk-signer.suite.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import { callOf, send, sign, type Service, type Signer, type Unsent } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

const MINUTE = 60_000;
let server: SimulatedServer;
let root: Signer;
beforeAll(async () => {
  server = await startSimulatedServer({ allowReset: true });
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
});
afterAll(() => server.close());

/** A harmless call of each protocol. */
const operations = {
  ecs: "ListClusters",
  elasticloadbalancing: "DescribeLoadBalancers",
  ec2: "DescribeInstances",
} as const satisfies Partial<Record<Service, string>>;
type Called = keyof typeof operations;

/** What was signed and then changed on the way. */
function forged(service: Called, change: (signed: Unsent) => Unsent, signer: Partial<Signer> = {}): Unsent {
  return change(sign(service, callOf(service, operations[service]), { ...root, ...signer }));
}
const withHeaders = (request: Unsent, headers: Record<string, string>): Unsent => ({
  ...request,
  headers: { ...request.headers, ...headers },
});
const without = (request: Unsent, ...names: string[]): Unsent => ({
  ...request,
  headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !names.includes(name))),
});
const same = (request: Unsent): Unsent => request;
const authorization = (request: Unsent, change: (text: string) => string): Unsent =>
  withHeaders(request, { authorization: change(request.headers["authorization"] ?? "") });

type Names = readonly [ecs: string, elbv2: string, ec2: string];
const MISSING = ["MissingAuthenticationTokenException", "MissingAuthenticationToken", "AuthFailure"] as const;
const INCOMPLETE = ["IncompleteSignatureException", "IncompleteSignature", "AuthFailure"] as const;
const UNKNOWN = ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"] as const;
const MISMATCH = ["InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"] as const;
const TIME = ["InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired"] as const;

const attacks: readonly (readonly [string, (service: Called) => Unsent, Names])[] = [
  ["is not signed", (s) => forged(s, (r) => without(r, "authorization")), MISSING],
  [
    "is signed by another scheme",
    (s) => forged(s, (r) => withHeaders(r, { authorization: "Basic cm9vdDpyb290" })),
    INCOMPLETE,
  ],
  ["lacks its date", (s) => forged(s, (r) => without(r, "x-amz-date")), INCOMPLETE],
  [
    "names an unknown key",
    (s) => forged(s, same, { credentials: { ...root.credentials, accessKeyId: "AKIAAAAAAAAAAAAAAAAA" } }),
    UNKNOWN,
  ],
  [
    "brings a session token with a long-lived key",
    (s) => forged(s, same, { credentials: { ...root.credentials, sessionToken: "AQAAAA==" } }),
    UNKNOWN,
  ],
  [
    "is signed with another secret",
    (s) => forged(s, same, { credentials: { ...root.credentials, secretAccessKey: "guessed" } }),
    MISMATCH,
  ],
  [
    "carries a signature with one digit changed",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace(/.$/, (d) => (d === "0" ? "1" : "0")))),
    MISMATCH,
  ],
  [
    "carries an empty signature",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace(/Signature=.*/, "Signature="))),
    INCOMPLETE,
  ],
  [
    "carries another body under an old signature",
    (s) =>
      forged(s, (r) => ({
        ...r,
        body: r.body.replace(/}$|$/, s === "ecs" ? ' "maxResults": 1}' : "&PageSize=1"),
      })),
    MISMATCH,
  ],
  [
    "carries another body and that body's hash",
    (s) =>
      forged(s, (r) => {
        const other = sign(
          s,
          { ...callOf(s, operations[s]), body: s === "ecs" ? `${r.body} ` : `${r.body}&MaxResults=5` },
          root,
        );
        return withHeaders(
          { ...r, body: other.body },
          {
            "x-amz-content-sha256": other.headers["x-amz-content-sha256"] ?? "",
          },
        );
      }),
    MISMATCH,
  ],
  [
    "claims that its body is not signed",
    (s) => forged(s, (r) => withHeaders(r, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" })),
    MISMATCH,
  ],
  [
    "goes to another host than was signed",
    (s) => forged(s, (r) => withHeaders(r, { host: "ecs.us-east-1.amazonaws.com" })),
    MISMATCH,
  ],
  [
    "goes to another path than was signed",
    (s) => forged(s, (r) => ({ ...r, url: `${r.url}else` })),
    MISMATCH,
  ],
  [
    "has a query that was not signed",
    (s) => forged(s, (r) => ({ ...r, url: `${r.url}?DryRun=true` })),
    MISMATCH,
  ],
  [
    "is signed for another service",
    (s) => forged(s, same, { scopeService: s === "ecs" ? "sts" : "ecs" }),
    // Query has nothing but the scope to tell the service by.
    [MISMATCH[0], "UnknownOperationException", "UnknownOperationException"],
  ],
  [
    "was moved to another region's scope",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace("/us-east-1/", "/eu-west-1/"))),
    MISMATCH,
  ],
  [
    "has a scope of another day",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace(/\/\d{8}\//, "/20200101/"))),
    MISMATCH,
  ],
  [
    "does not sign its host",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace(";host", ""))),
    MISMATCH,
  ],
  [
    "adds a header of AWS's that was not signed",
    (s) => forged(s, (r) => withHeaders(r, { "x-amz-security-token": "AQAAAA==" })),
    UNKNOWN,
  ],
  [
    "adds another header of AWS's that was not signed",
    (s) => forged(s, (r) => withHeaders(r, { "x-amz-user-agent": "me" })),
    MISMATCH,
  ],
  [
    "was signed more than five minutes ago",
    (s) => forged(s, same, { time: Date.now() - 5 * MINUTE - 5_000 }),
    TIME,
  ],
  [
    "was signed more than five minutes ahead",
    (s) => forged(s, same, { time: Date.now() + 5 * MINUTE + 5_000 }),
    TIME,
  ],
  [
    "has a credential of too few parts",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace("/aws4_request", ""))),
    INCOMPLETE,
  ],
  [
    "ends its scope with another word",
    (s) => forged(s, (r) => authorization(r, (t) => t.replace("aws4_request", "aws5_request"))),
    MISMATCH,
  ],
];

describe.each(["ecs", "elasticloadbalancing", "ec2"] as const)("a request to %s", (service) => {
  const column = ["ecs", "elasticloadbalancing", "ec2"].indexOf(service);

  it.each(attacks.map(([what, attack, codes]) => [what, attack, codes[column]] as const))(
    "that %s is refused",
    async (_what, attack, code) => {
      const answer = await send(attack(service));
      expect(answer.code).toBe(code);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    },
  );

  it.each([
    ["as it was signed", {}],
    ["signed four minutes ago", { time: Date.now() - 4 * MINUTE }],
    ["signed four minutes ahead", { time: Date.now() + 4 * MINUTE }],
    ["signed for another region", { region: "eu-west-1" }],
  ])("is answered when it comes %s", async (_what, signer) => {
    expect(await send(forged(service, same, signer))).toMatchObject({ status: 200, code: undefined });
  });
});

describe("a presigned request", () => {
  const presign = async (expiresIn = 60, signingDate = new Date()) => {
    const { hostname, port } = new URL(server.endpoint);
    const signed = await sdkSigner("sts", "us-east-1", root.credentials).presign(
      new HttpRequest({
        ...{ method: "GET", protocol: "http:", hostname, port: Number(port), path: "/" },
        query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
        headers: { host: `${hostname}:${port}` },
      }),
      { expiresIn, signingDate },
    );
    return Object.entries(signed.query ?? {}).map(([k, v]) => [k, String(v)] as const);
  };
  const get = (query: readonly (readonly [string, string])[], path = "/", method = "GET", body = "") =>
    send({
      method,
      url: `${server.endpoint}${path}?${query.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).join("&")}`,
      headers: {},
      body,
    });
  const changed = (query: readonly (readonly [string, string])[], name: string, value: string) =>
    query.map(([k, v]) => [k, k === name ? value : v] as const);

  it("is answered while it lasts", async () => {
    expect(await get(await presign())).toMatchObject({ status: 200 });
  });

  it("is refused when it is over", async () => {
    const old = await presign(60, new Date(Date.now() - 2 * MINUTE));
    expect(await get(old)).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
    expect((await get(old)).message).toContain("Signature expired");
  });

  it("does not last longer because somebody says so", async () => {
    const old = await presign(60, new Date(Date.now() - 2 * MINUTE));
    expect(await get(changed(old, "X-Amz-Expires", "3600"))).toMatchObject({ code: "SignatureDoesNotMatch" });
  });

  it("never lasts longer than seven days", async () => {
    const long = changed(await presign(), "X-Amz-Expires", "604801");
    expect(await get(long)).toMatchObject({ code: "IncompleteSignature" });
  });

  it("is no pass for another operation, method, body or path, nor for more parameters", async () => {
    const query = await presign();
    const mismatch = { status: 403, code: "SignatureDoesNotMatch" };
    expect(await get(changed(query, "Action", "GetSessionToken"))).toMatchObject(mismatch);
    expect(await get(changed(query, "Version", "2010-05-08"))).toMatchObject({ code: "InvalidAction" });
    expect(await get([...query, ["Extra", "1"]])).toMatchObject(mismatch);
    expect(await get(query, "/", "POST")).toMatchObject(mismatch);
    expect(await get(query, "/else")).toMatchObject(mismatch);
    expect(await get(query, "/", "GET", "a body")).toMatchObject(mismatch);
  });

  it("does not open the reset endpoint", async () => {
    const answer = await get(await presign(), "/_estiba/reset", "POST");
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("Credential should be scoped to correct service");
  });

  it("means the same however its parameters are spelt", async () => {
    // A plus sign in the URL is signed as the space it means (the stock agent's upgrades are): one signature, one meaning.
    const bare = { method: "GET", headers: {}, body: "" };
    const url = `${server.endpoint}/?Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=a%20b`;
    const request = { ...bare, url, credentials: root.credentials, region: "us-east-1", service: "ec2" };
    const headers = signRequest({ ...request, time: Date.now() });
    for (const spelt of [url, url.replace("%20", "+")]) {
      expect(await send({ ...bare, url: spelt, headers })).toMatchObject({
        status: 400,
        message: "The filter &apos;a b&apos; is invalid",
      });
    }
  });
});

describe("the reset endpoint", () => {
  const reset = (signer: Partial<Signer>, change = same) =>
    send(
      change(
        sign(
          "ecs",
          { method: "POST", headers: {}, body: "" },
          { ...root, path: "/_estiba/reset", ...signer },
        ),
      ),
    );

  it.each<[string, () => ReturnType<typeof send>, number]>([
    ["an unsigned request", () => reset({}, (r) => without(r, "authorization")), 400],
    ["another secret", () => reset({ credentials: { ...root.credentials, secretAccessKey: "x" } }), 400],
    ["an old signature", () => reset({ time: Date.now() - 6 * MINUTE }), 400],
    [
      "a signature of another path",
      () => reset({ path: "/" }, (r) => ({ ...r, url: `${server.endpoint}/_estiba/reset` })),
      400,
    ],
    ["a signature of another method", () => reset({}, (r) => ({ ...r, method: "GET" })), 404],
  ])("refuses %s and empties nothing", async (_what, attempt, status) => {
    const before = server.store.durableCommits;
    expect((await attempt()).status).toBe(status);
    expect(server.store.durableCommits).toBe(before);
  });
});
