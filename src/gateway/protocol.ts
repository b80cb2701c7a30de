// What a wire protocol is to the pipeline: how a request names its operation is route.ts's, the rest is here.
import type { ServiceError } from "#lib/errors.ts";
import type { Member, OperationShape } from "./shape.ts";
import type { ServiceDefinition } from "./service-definition.ts";
import type { WireRequest } from "./wire-request.ts";

export interface DecodeLimits {
  /** How deep a value may be nested. */
  readonly depth: number;
  /** How many parameters a Query request may have. */
  readonly parameters: number;
}

type Input = Record<string, unknown>;

/** One value that is not what the schema says, in the caller's own names. */
export interface Fault {
  /** `containers.2.name` in JSON, the parameter's name in Query. */
  readonly path: string;
  readonly expected: Member["shape"]["kind"];
  readonly value: unknown;
}

export interface Protocol {
  readonly contentType: string;
  /** The name under which a caller sends a member. */
  memberName(member: Member): string;
  /** The operation's input. Throws ServiceError for what cannot be read. */
  decode(operation: OperationShape, request: WireRequest, limits: DecodeLimits): Input;
  encodeOutput(
    service: ServiceDefinition,
    operation: OperationShape,
    output: object,
    requestId: string,
  ): string;
  encodeError(service: ServiceDefinition | undefined, error: ServiceError, requestId: string): string;
  readonly errors: ProtocolErrors;
}

/** How this protocol's services say what every service may say. */
interface ProtocolErrors {
  unknownOperation(name: string, service: ServiceDefinition | undefined): ServiceError;
  missingMember(path: string): ServiceError;
  tooLarge(message: string): ServiceError;
  internal(service: ServiceDefinition | undefined): ServiceError;
}
