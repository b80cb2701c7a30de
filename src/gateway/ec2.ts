// EC2 Query (Smithy, "AWS EC2 query protocol"): Query with EC2's own lists, answer and error forms.
import { ServiceError } from "#lib/errors.ts";
import type { Protocol } from "./protocol.ts";
import { decodeQuery, ec2Dialect, QueryFault, unknownParameters } from "./query-decode.ts";
import { parameterTree, readParameters } from "./query-parameters.ts";
import { element, encodeMembers, escapeXml } from "./xml-encode.ts";

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

export const ec2Protocol: Protocol = {
  contentType: "text/xml;charset=UTF-8",
  memberName: (member) => ec2Dialect.memberNames(member)[0] ?? member.name,

  decode(operation, request, limits) {
    const tree = parameterTree(readParameters(request, limits.parameters), limits.depth);
    const [unknown] = unknownParameters(operation.input, tree, ec2Dialect);
    if (unknown !== undefined) {
      throw new ServiceError("UnknownParameter", `The parameter ${unknown} is not recognized`);
    }
    try {
      return decodeQuery(operation.input, tree, ec2Dialect);
    } catch (error) {
      if (!(error instanceof QueryFault)) throw error;
      const { path, expected, value } = error.fault;
      const message = `Value (${String(value)}) for parameter ${path} is invalid. A ${expected} was expected.`;
      throw new ServiceError("InvalidParameterValue", message);
    }
  },

  encodeOutput(service, operation, output, requestId) {
    const name = `${operation.name}Response`;
    const xmlns = `http://ec2.amazonaws.com/doc/${service.wireName}/`;
    const body = element("requestId", requestId) + encodeMembers(operation.output, output);
    return `${declaration}<${name} xmlns="${xmlns}">${body}</${name}>`;
  },

  encodeError(_service, error, requestId) {
    const fields = element("Code", escapeXml(error.code)) + element("Message", escapeXml(error.message));
    const body = element("Errors", element("Error", fields)) + element("RequestID", requestId);
    return `${declaration}${element("Response", body)}`;
  },

  errors: {
    unknownOperation: (name) =>
      new ServiceError("InvalidAction", `The action ${name} is not valid for this web service.`),
    missingMember: (path) =>
      new ServiceError("MissingParameter", `The request must contain the parameter ${path}`),
    tooLarge: (message) => new ServiceError("RequestEntityTooLarge", message, { statusCode: 413 }),
    internal: () => new ServiceError("InternalError", "An internal error has occurred", { statusCode: 500 }),
  },
};
