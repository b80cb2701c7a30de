// AWS Query (Smithy, "AWS Query protocol"): what Elastic Load Balancing, IAM and STS speak.
import { ServiceError } from "#lib/errors.ts";
import type { Protocol } from "./protocol.ts";
import { awsQueryDialect, decodeQuery, QueryFault } from "./query-decode.ts";
import { parameterTree, readParameters } from "./query-parameters.ts";
import type { ServiceDefinition } from "./service-definition.ts";
import { UNIT } from "./shape.ts";
import { element, encodeMembers, escapeXml } from "./xml-encode.ts";

export const queryProtocol: Protocol = {
  contentType: "text/xml",
  memberName: (member) => member.xmlName ?? member.name,

  decode(operation, request, limits) {
    const tree = parameterTree(readParameters(request, limits.parameters), limits.depth);
    try {
      return decodeQuery(operation.input, tree, awsQueryDialect);
    } catch (error) {
      if (!(error instanceof QueryFault)) throw error;
      const { path, expected, value } = error.fault;
      throw new ServiceError(
        "ValidationError",
        `Value '${String(value)}' at '${path}' is not a ${expected}.`,
      );
    }
  },

  encodeOutput(service, operation, output, requestId) {
    // An operation that has no output at all has no Result element; one whose output is empty has an empty one.
    const members = encodeMembers(operation.output, output);
    const result = operation.output.name === UNIT ? "" : element(`${operation.name}Result`, members);
    const metadata = element("ResponseMetadata", element("RequestId", requestId));
    return `<${operation.name}Response xmlns="${xmlNamespace(service)}">${result}${metadata}</${operation.name}Response>`;
  },

  encodeError(service, error, requestId) {
    const fields =
      element("Type", error.statusCode < 500 ? "Sender" : "Receiver") +
      element("Code", escapeXml(error.code)) +
      element("Message", escapeXml(error.message));
    const attribute = service === undefined ? "" : ` xmlns="${xmlNamespace(service)}"`;
    return `<ErrorResponse${attribute}>${element("Error", fields)}${element("RequestId", requestId)}</ErrorResponse>`;
  },

  errors: {
    unknownOperation(name, service) {
      const version = service === undefined ? "" : ` for version ${service.wireName}`;
      return new ServiceError("InvalidAction", `Could not find operation ${name}${version}`);
    },
    missingMember(path) {
      const fault = `Value null at '${path}' failed to satisfy constraint: Member must not be null`;
      return new ServiceError("ValidationError", `1 validation error detected: ${fault}`);
    },
    tooLarge: (message) => new ServiceError("RequestEntityTooLarge", message, { statusCode: 413 }),
    internal(service) {
      // IAM has its own name for it.
      const code = service?.name === "iam" ? "ServiceFailure" : "InternalFailure";
      const message = "The request processing has failed because of an unknown error, exception or failure.";
      return new ServiceError(code, message, { statusCode: 500 });
    },
  },
};

const hosts: Readonly<Record<string, string>> = {
  iam: "https://iam.amazonaws.com",
  sts: "https://sts.amazonaws.com",
};

/** The namespace that the service's own model names, for instance `https://sts.amazonaws.com/doc/2011-06-15/`. */
const xmlNamespace = (service: ServiceDefinition): string =>
  `${hosts[service.name] ?? `http://${service.name}.amazonaws.com`}/doc/${service.wireName}/`;
