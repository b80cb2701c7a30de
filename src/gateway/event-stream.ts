// The third form of an awsJson answer (Smithy, "Amazon Event Stream specification"): frames of headers and a JSON payload, each
// behind its lengths and checksums. The first holds what of the output is no event.
import { crc32 } from "node:zlib";
import { ServiceError } from "#lib/errors.ts";
import { encodeJson } from "./json-encode.ts";
import type { OperationShape, StructureShape } from "./shape.ts";

export const EVENT_STREAM_TYPE = "application/vnd.amazon.eventstream";

/** One event: a union, with one member set. A ServiceError that is thrown becomes the stream's last frame. */
type StreamEvent = Readonly<Record<string, object | undefined>>;

/** The output's frames; undefined when it has no stream of events. */
export function eventStreamOf(
  { output: shape }: OperationShape,
  output: object,
): AsyncIterable<Uint8Array> | undefined {
  const member = shape.members.find((m) => m.shape.kind === "structure" && m.shape.eventStream === true);
  if (member === undefined) return undefined;
  const { [member.name]: events, ...rest } = output as Record<string, unknown>;
  const plain = { ...shape, members: shape.members.filter((m) => m !== member) };
  return frames(
    encodeJson(plain, rest),
    member.shape as StructureShape,
    events as AsyncIterable<StreamEvent>,
  );
}

async function* frames(
  initial: string,
  union: StructureShape,
  events: AsyncIterable<StreamEvent>,
): AsyncGenerator<Uint8Array> {
  yield frame({ ":message-type": "event", ":event-type": "initial-response" }, initial);
  try {
    for await (const event of events) {
      const member = union.members.find((m) => event[m.name] !== undefined);
      if (member === undefined) continue;
      const payload = encodeJson(member.shape as StructureShape, event[member.name] as object);
      yield frame({ ":message-type": "event", ":event-type": member.name }, payload);
    }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const payload = JSON.stringify({ message: error.message });
    yield frame({ ":message-type": "exception", ":exception-type": error.code }, payload);
  }
}

const STRING = 7;

function frame(headers: Readonly<Record<string, string>>, payload: string): Uint8Array {
  const parts = Object.entries({ ...headers, ":content-type": "application/json" }).map(([name, value]) => {
    const part = Buffer.alloc(4 + name.length + value.length);
    part.writeUInt8(name.length, 0);
    part.write(name, 1);
    part.writeUInt8(STRING, 1 + name.length);
    part.writeUInt16BE(value.length, 2 + name.length);
    part.write(value, 4 + name.length);
    return part;
  });
  const head = Buffer.concat(parts);
  const body = Buffer.from(payload);
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(prelude.length + head.length + body.length + 4, 0);
  prelude.writeUInt32BE(head.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const message = Buffer.concat([prelude, head, body]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(message));
  return Buffer.concat([message, checksum]);
}
