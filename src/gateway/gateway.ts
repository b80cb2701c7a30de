// The front door: route → authenticate → decode → validate → authorize → invoke → encode → access log.
// Listeners and other routes (/healthz, websockets, IMDS) are the server's.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import { TransactionTooLarge, WriteFailed } from "#store/store.ts";
import { accessDenied, authError, denialMessage } from "./auth-errors.ts";
import { authenticate } from "./authenticate.ts";
import { logAccess, type AccessRecord } from "./access-log.ts";
import { EVENT_STREAM_TYPE, eventStreamOf } from "./event-stream.ts";
import type { DecodeLimits, Protocol } from "./protocol.ts";
import { resourcePoliciesOf } from "./resource-policies.ts";
import { protocols, route, targetedService } from "./route.ts";
import { send } from "./send.ts";
import type {
  Authorizer,
  CredentialResolver,
  RequestContext,
  ServiceDefinition,
  WireProtocol,
} from "./service-definition.ts";
import { createShapes, type OperationShape, type SchemaNamespace, type Shapes } from "./shape.ts";
import { readSignature } from "./sigv4.ts";
import type { Upstreams } from "./upstream/upstreams.ts";
import { authenticateUpgrade, type UpgradeAuthentication, type UpgradePurpose } from "./upgrade.ts";
import { missingMember } from "./validate.ts";
import {
  BodyTooLarge,
  header,
  readBody,
  readHead,
  RequestAborted,
  type WireRequest,
} from "./wire-request.ts";

interface GatewayLimits extends DecodeLimits {
  /** Longest request body, octets. */
  readonly bodyBytes: number;
}

const NOT_STORED =
  "The change could not be stored and was not made: is the disk full? `estiba doctor` tells.";

const defaultLimits: GatewayLimits = { bodyBytes: 1024 * 1024, depth: 32, parameters: 10_000 };

export interface GatewayOptions {
  readonly services: readonly ServiceDefinition[];
  readonly credentials: CredentialResolver;
  readonly authorizer: Authorizer;
  /** Seals what denials say beyond their sentence; without it they say no more. */
  readonly denials?: Pick<Sealer, "seal">;
  /** What answers for services that are not among these. */
  readonly upstreams?: Upstreams;
  /** The account whose resources this server keeps. */
  readonly account: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: Partial<GatewayLimits>;
}

export interface Gateway {
  /** Answers one API request. Never rejects: whatever goes wrong inside is the caller's 500 and one log line. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Verifies the signature of a websocket upgrade and, given an action, whether its principal may do it. */
  authenticateUpgrade(req: IncomingMessage, purpose?: UpgradePurpose): Promise<UpgradeAuthentication>;
}

interface Answer {
  readonly statusCode: number;
  readonly contentType: string;
  /** Whole, or frame by frame for as long as the operation goes on. */
  readonly body: string | AsyncIterable<Uint8Array>;
}

export function createGateway(options: GatewayOptions): Gateway {
  const limits: GatewayLimits = { ...defaultLimits, ...options.limits };
  const shapes = createShapeLoader();
  const resourcePolicyOf = resourcePoliciesOf(options.services);

  return {
    async handle(req, res) {
      const started = options.clock.monotonic();
      const record: AccessRecord = { requestId: options.random.uuid() };
      try {
        if (options.upstreams?.takes(req) === true) await options.upstreams.handle(req, res, record);
        else {
          const answer = await answerTo(req, record);
          record.status = answer.statusCode;
          await send(req, res, answer, record.requestId, options.clock.now());
        }
      } catch (error) {
        if (error instanceof RequestAborted) record.error = "RequestAborted";
        else options.logger.error("gateway failed to answer", { requestId: record.requestId, error });
        res.destroy();
      }
      logAccess(options.logger, record, options.clock.monotonic() - started);
    },
    authenticateUpgrade: async (req, purpose) => authenticateUpgrade(options, req, purpose),
  };

  function bodyLimit(head: Pick<WireRequest, "headers">): number {
    return Math.max(limits.bodyBytes, targetedService(options.services, head)?.bodyBytes ?? 0);
  }

  async function answerTo(req: IncomingMessage, record: AccessRecord): Promise<Answer> {
    const head = readHead(req);
    record.sourceIp = head.sourceIp;
    const presented = readSignature(head);
    const scope = presented !== undefined && "scope" in presented ? presented.scope : undefined;
    let service: ServiceDefinition | undefined;
    let protocol = protocols[likelyProtocol(options.services, head, scope?.service)];
    try {
      const request: WireRequest = { ...head, body: await readBody(req, bodyLimit(head)) };
      const routed = route(options.services, request, scope?.service, limits.parameters);
      service = routed.service;
      if ("error" in routed) {
        protocol = protocols[routed.wire];
        // Nothing at all to go by, and no signature: a browser or a probe.
        if (presented === undefined && service === undefined && !head.headers.has("x-amz-target")) {
          throw authError(routed.wire, { kind: "missingToken" });
        }
        throw routed.error;
      }
      protocol = protocols[routed.service.protocol];
      record.service = routed.service.name;
      const shape = await findOperation(routed.service, routed.operation, protocol);
      record.action = `${routed.service.name}:${shape.name}`;
      const authentication = authenticate(
        request,
        presented,
        routed.service.signingName,
        options.credentials,
        options.clock.now(),
      );
      if ("failure" in authentication) throw authError(routed.service.protocol, authentication.failure);
      record.principal = authentication.principal.arn;
      const context: RequestContext = {
        requestId: record.requestId,
        region: scope?.region ?? "",
        account: options.account,
        principal: authentication.principal,
        action: record.action,
        sourceIp: head.sourceIp,
        userAgent: header(request, "user-agent") ?? "",
        endpoint: head.endpoint,
      };
      const output = await invoke(routed.service, shape, protocol, request, context);
      const events = eventStreamOf(shape, output);
      if (events !== undefined) return { statusCode: 200, contentType: EVENT_STREAM_TYPE, body: events };
      const body = protocol.encodeOutput(routed.service, shape, output, record.requestId);
      return { statusCode: 200, contentType: protocol.contentType, body };
    } catch (error) {
      if (error instanceof RequestAborted) throw error;
      const refusal = await describe(error, service, protocol, record);
      record.error = refusal.code;
      const body = protocol.encodeError(service, refusal, record.requestId);
      return { statusCode: refusal.statusCode, contentType: protocol.contentType, body };
    }
  }

  async function findOperation(
    service: ServiceDefinition,
    name: string,
    protocol: Protocol,
  ): Promise<OperationShape> {
    const shape = Object.hasOwn(service.operations, name)
      ? (await shapes(service)).operation(name)
      : undefined;
    if (shape === undefined) throw protocol.errors.unknownOperation(printableName(name), service);
    return shape;
  }

  async function invoke(
    service: ServiceDefinition,
    shape: OperationShape,
    protocol: Protocol,
    request: WireRequest,
    context: RequestContext,
  ): Promise<object> {
    const input = protocol.decode(shape, request, limits);
    const missing = missingMember(shape.input, input, (member) => protocol.memberName(member));
    if (missing !== undefined) throw (service.missingMember ?? protocol.errors.missingMember)(missing);
    const { principal, region, account } = context;
    const permissions = service.permissions?.[shape.name];
    const denial = options.authorizer.authorize({
      ...context,
      // The table's type erases each operation's input, as that of the operations does.
      permissions: () => permissions?.(input as never, { region, account, principal }) ?? [{ resource: "*" }],
      resourcePolicyOf,
    });
    if (denial !== undefined) {
      const { denials } = options;
      // EC2 tells the rest of why sealed, for DecodeAuthorizationMessage.
      const encoded =
        service.protocol === "ec2" && denials !== undefined
          ? denials.seal(denialMessage(principal, denial))
          : undefined;
      throw authError(service.protocol, accessDenied(principal.arn, denial, encoded));
    }
    if (service.protocol === "ec2" && input["DryRun"] === true) throw authError("ec2", { kind: "dryRun" });
    const operation = service.operations[shape.name];
    if (operation === undefined) throw protocol.errors.unknownOperation(shape.name, service);
    // The table's type erases each operation's input: the schema just checked is what gives it back.
    const output = await operation(input as never, {
      ...context,
      allows: ({ action, ...permission }) =>
        options.authorizer.authorize({
          ...context,
          action,
          permissions: () => [permission],
          resourcePolicyOf,
        }) === undefined,
    });
    return output ?? {};
  }

  /** What the caller hears of whatever was thrown: our own faults show a request id, never their inside. */
  async function describe(
    error: unknown,
    service: ServiceDefinition | undefined,
    protocol: Protocol,
    record: AccessRecord,
  ): Promise<ServiceError> {
    if (error instanceof BodyTooLarge) return protocol.errors.tooLarge("The request body is too large.");
    // Each part was within its limit, all of them together are more than a row or a transaction holds.
    if (error instanceof TransactionTooLarge) {
      options.logger.warn("a request is more than can be stored", { ...record, reason: error.message });
      return protocol.errors.tooLarge("What the request describes is too large to be stored.");
    }
    if (!(error instanceof ServiceError)) {
      options.logger.error("operation failed", { requestId: record.requestId, action: record.action, error });
      const fault = protocol.errors.internal(service);
      return error instanceof WriteFailed
        ? new ServiceError(fault.code, NOT_STORED, { statusCode: 500 })
        : fault;
    }
    // What KMS's model and others' call an error in Query is not what they send in JSON: there it is the shape's name.
    const declared =
      service === undefined || service.protocol === "awsJson1_1" || record.action === undefined
        ? undefined
        : (await shapes(service)).error(error.code);
    if (declared === undefined) return error;
    // A service may throw by the shape's name (`LoadBalancerNotFoundException`); code and status are the model's.
    return new ServiceError(declared.code, error.message, {
      statusCode: declared.statusCode ?? error.statusCode,
      members: error.members,
    });
  }
}

/** The form in which to answer what goes wrong before the request is routed. */
function likelyProtocol(
  services: readonly ServiceDefinition[],
  head: Pick<WireRequest, "headers">,
  scopeService: string | undefined,
): WireProtocol {
  if (head.headers.has("x-amz-target")) return "awsJson1_1";
  return services.find((service) => service.signingName === scopeService)?.protocol ?? "query";
}

const printableName = (name: string): string => name.slice(0, 128).replace(/\W/g, "?");

/** Schemas weigh tens of megabytes: each service's are loaded at its first request, once. */
function createShapeLoader(): (service: ServiceDefinition) => Promise<Shapes> {
  const loaded = new Map<ServiceDefinition, Promise<Shapes>>();
  return (service) => {
    const known = loaded.get(service);
    if (known !== undefined) return known;
    const loading = service
      .loadSchemas()
      .then((namespace: SchemaNamespace) => createShapes(namespace, service.privateMembers));
    loaded.set(service, loading);
    // A failed import is tried again by the next request.
    loading.catch(() => loaded.delete(service));
    return loading;
  };
}
