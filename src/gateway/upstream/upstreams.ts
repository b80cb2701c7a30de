// Calls of services that Estiba does not have: signature and policies are judged as for its own, then the call goes, signed anew, to
// the endpoint that the setting names. Bodies are passed on piece by piece; the answer is the upstream's own.
import { request as requestHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import { scopeText, signingKeyOf } from "#lib/sigv4-canonical.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import type { AccessRecord } from "../access-log.ts";
import { accessDenied } from "../auth-errors.ts";
import { send } from "../send.ts";
import type { Authorizer, CredentialResolver, Principal, ServiceDefinition } from "../service-definition.ts";
import { checkHead, readSignature } from "../sigv4.ts";
import {
  BodyTooLarge,
  header,
  readBody,
  readHead,
  RequestAborted,
  type WireRequest,
} from "../wire-request.ts";
import { meaningOf } from "./meaning.ts";
import { payloadHashOf, plainBody } from "./payload.ts";
import { authFailureIn, encodeRefusal, formOf, noUpstream, refusalOf } from "./refusal.ts";
import { placeOf, readsBody } from "./s3.ts";
import type { UpstreamSetting } from "./setting.ts";
import { signedFor, type Outgoing } from "./sign.ts";

export interface Upstream extends UpstreamSetting {
  /** Asked for each call: keys of a file may change. */
  readonly credentials: () => SigningCredentials | Promise<SigningCredentials>;
}

export interface UpstreamParts {
  readonly upstreams: readonly Upstream[];
  /** Estiba's own services. */
  readonly services: readonly Pick<ServiceDefinition, "signingName" | "wireName">[];
  readonly credentials: CredentialResolver;
  readonly authorizer: Authorizer;
  readonly account: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Upstreams {
  /** Whether the request is signed for a service that Estiba does not have. */
  takes(req: IncomingMessage): boolean;
  /** Answers it. Rejects only when the caller has gone or the answer broke off. */
  handle(req: IncomingMessage, res: ServerResponse, record: AccessRecord): Promise<void>;
}

/** Bodies that must be read before they are judged: DynamoDB's largest batch. */
const MOST_BUFFERED = 17 * 1024 * 1024;
/** An upstream that says nothing for so long is given up. */
const SILENCE_MS = 120_000;

/** @throws Error for an upstream of a service that Estiba has itself, or two of one */
export function createUpstreams(parts: UpstreamParts): Upstreams {
  const { services, credentials, authorizer, account, clock, logger } = parts;
  const own = new Set(services.map(({ signingName }) => signingName));
  const targets = new Set(services.map(({ wireName }) => wireName));
  const known = new Map<string, Upstream>();
  for (const upstream of parts.upstreams) {
    if (own.has(upstream.service))
      throw new Error(`Estiba has the service '${upstream.service}' itself: no upstream can be set for it.`);
    if (known.has(upstream.service))
      throw new Error(`Two upstreams are set for the service '${upstream.service}'.`);
    known.set(upstream.service, upstream);
  }

  return {
    takes(req) {
      const service = scopeServiceOf(req);
      const target = String(req.headers["x-amz-target"] ?? "");
      // A call of one of ours that is signed for another is a bad signature, not another's call.
      return (
        service !== undefined && !own.has(service) && !targets.has(target.slice(0, target.lastIndexOf(".")))
      );
    },
    async handle(req, res, record) {
      const head = readHead(req);
      record.sourceIp = head.sourceIp;
      const service = scopeServiceOf(req) ?? "";
      record.service = service;
      const form = formOf(service, head);
      try {
        await passOn(req, res, head, service, record);
      } catch (error) {
        if (error instanceof RequestAborted || res.headersSent || res.destroyed) throw error;
        const refusal = error instanceof BodyTooLarge ? tooLarge() : refusalOf(error);
        if (refusal.code === "InternalError")
          logger.error("a call could not be passed on", { ...record, error });
        record.error = refusal.code;
        record.status = refusal.statusCode;
        await send(req, res, encodeRefusal(form, refusal, record.requestId), record.requestId, clock.now());
      }
    },
  };

  async function passOn(
    req: IncomingMessage,
    res: ServerResponse,
    head: Omit<WireRequest, "body">,
    service: string,
    record: AccessRecord,
  ): Promise<void> {
    const upstream = known.get(service);
    if (upstream === undefined) throw noUpstream(service);
    const isS3 = service === "s3";
    // What S3 streams is judged by its head; what says in its body what it wants is read first, whole.
    const isBuffered = !isS3 || readsBody(head);
    const body = isBuffered ? await readBody(req, MOST_BUFFERED) : new Uint8Array();
    const signedHash = payloadHashOf(head, isBuffered ? body : undefined, isS3);
    const { principal, presented, secret } = authenticated(head, service, signedHash);
    record.principal = principal.arn;
    const { region } = presented.scope;
    const meaning = meaningOf(service, { request: head, body, region, account });
    record.action = meaning.action;
    const denial = authorizer.authorize({
      principal,
      action: meaning.action,
      permissions: () => meaning.permissions,
      region,
      sourceIp: head.sourceIp,
      userAgent: header(head, "user-agent") ?? "",
    });
    if (denial !== undefined) throw authFailureIn(formOf(service, head), accessDenied(principal.arn, denial));
    const signing = {
      signingKey: signingKeyOf(secret, presented.scope),
      seed: presented.signature,
      amzDate: presented.amzDate,
      scope: scopeText(presented.scope),
    };
    const plain = isBuffered ? undefined : plainBody(head, signedHash, signing);
    const outgoing = signedFor(
      upstream.url,
      head,
      isS3 ? placeOf(head).rawPath : head.rawPath,
      plain?.headers ?? lengthOf(body),
      {
        service,
        region: upstream.region ?? region,
        credentials: await upstream.credentials(),
        time: clock.now(),
        payloadHash: plain?.payloadHash ?? signedHash,
      },
    );
    const source = isBuffered ? Readable.from(body.length === 0 ? [] : [body]) : req;
    record.status = await exchange(
      upstream.url,
      outgoing,
      source,
      plain?.through ?? [],
      res,
      record.requestId,
    );
  }

  function authenticated(head: Omit<WireRequest, "body">, service: string, payloadHash: string) {
    const form = formOf(service, head);
    const presented = readSignature(head);
    if (presented === undefined) throw authFailureIn(form, { kind: "missingToken" });
    if ("failure" in presented) throw authFailureIn(form, presented.failure);
    const found = credentials.resolve(presented.accessKeyId, presented.sessionToken);
    if (found === undefined) throw authFailureIn(form, { kind: "unknownKey" });
    if (found === "expired") throw authFailureIn(form, { kind: "expiredToken" });
    const { secretAccessKey: secret, principal } = found;
    const signed = { service, payloadHash, isS3: service === "s3" };
    const failure = checkHead(head, presented, secret, signed, clock.now());
    if (failure !== undefined) throw authFailureIn(form, failure);
    return { principal: principal satisfies Principal, presented, secret };
  }

  /** Sends and answers. @returns the status */
  function exchange(
    url: URL,
    { method, path, headers }: Outgoing,
    source: Readable,
    through: readonly Transform[],
    res: ServerResponse,
    requestId: string,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const target = { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port, method, path, headers };
      const outgoing = (url.protocol === "https:" ? requestHttps : requestHttp)(target);
      let isAnswered = false;
      const fail = (error: Error) => {
        outgoing.destroy();
        reject(error);
      };
      outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error("the upstream is silent")));
      res.once("close", () => {
        if (!res.writableFinished) fail(new RequestAborted());
      });
      outgoing.on("error", (error) => {
        if (isAnswered) return fail(error);
        logger.warn("an upstream could not be reached", {
          upstream: url.origin,
          requestId,
          reason: error.message,
        });
        fail(unreachable(url));
      });
      outgoing.on("response", (incoming) => {
        isAnswered = true;
        const status = incoming.statusCode ?? 502;
        res.writeHead(status, answerHeaders(incoming));
        pipeline(incoming, res).then(() => resolve(status), fail);
      });
      pipeline([source, ...through, outgoing]).catch((error: unknown) => {
        // An upstream may answer before it has read all: its answer counts.
        if (!isAnswered && error !== outgoing.errored) fail(error as Error);
      });
    });
  }
}

const lengthOf = (body: Uint8Array) => ({ "content-length": String(body.length) });

/** The service of the signature's scope; undefined when the request is not signed. */
function scopeServiceOf(req: IncomingMessage): string | undefined {
  const text = req.headers.authorization ?? req.url ?? "";
  const found = /\bCredential=([^,\s&]+)/.exec(text)?.[1]?.replaceAll(/%2f/gi, "/");
  const service = found?.split("/")[3];
  return service !== undefined && /^[a-z0-9-]{1,64}$/.test(service) ? service : undefined;
}

/** Of the connection to the upstream, not of the answer. */
const OF_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "proxy-authenticate",
  "trailer",
]);

function answerHeaders(incoming: IncomingMessage): string[] {
  const { rawHeaders } = incoming;
  const out: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!OF_CONNECTION.has(name.toLowerCase())) out.push(name, rawHeaders[i + 1] ?? "");
  }
  return out;
}

const unreachable = (url: URL): ServiceError =>
  new ServiceError("ServiceUnavailable", `The upstream ${url.origin} could not be reached.`, {
    statusCode: 503,
  });
const tooLarge = (): ServiceError =>
  new ServiceError("RequestEntityTooLarge", "The request body is too large.", { statusCode: 413 });
