// awsJson 1.1 (Smithy, "AWS JSON 1.1 protocol"): what ECS speaks.
import { ServiceError } from "#lib/errors.ts";
import { decodeJson } from "./json-decode.ts";
import { encodeJson } from "./json-encode.ts";
import type { Protocol } from "./protocol.ts";
import { header } from "./wire-request.ts";

export const jsonProtocol: Protocol = {
  contentType: "application/x-amz-json-1.1",
  memberName: (member) => member.name,

  decode(operation, request, limits) {
    const contentType = (header(request, "content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (!/^application\/(x-amz-json-1\.[01]|json)$/.test(contentType)) {
      throw new ServiceError("SerializationException", `Content-Type must be application/x-amz-json-1.1.`);
    }
    return decodeJson(operation.input, request.body, limits.depth);
  },

  encodeOutput: (_service, operation, output) => encodeJson(operation.output, output),

  encodeError: (_service, error) =>
    JSON.stringify({ ...error.members, __type: error.code, message: error.message }),

  errors: {
    unknownOperation: (name) =>
      new ServiceError("UnknownOperationException", `The operation ${name} is not one that Estiba answers.`),
    // ECS's own wording; its model declares no ValidationException.
    missingMember: (path) =>
      new ServiceError("InvalidParameterException", `${capitalised(path)} can not be blank.`),
    tooLarge: (message) => new ServiceError("RequestEntityTooLargeException", message, { statusCode: 413 }),
    internal: () =>
      new ServiceError("ServerException", "The request processing has failed because of an unknown error.", {
        statusCode: 500,
      }),
  },
};

const capitalised = (path: string): string => path.charAt(0).toUpperCase() + path.slice(1);
