// A JSON body to an operation's input, strictly by its schema. Members the schema does not know are ignored, as AWS does.
import { ServiceError } from "#lib/errors.ts";
import type { Shape, StructureShape } from "./shape.ts";

const broken = (message: string) => new ServiceError("SerializationException", message);

/** Throws ServiceError SerializationException for broken UTF-8 or JSON, a wrong type, or nesting beyond `depth`. */
export function decodeJson(shape: StructureShape, body: Uint8Array, depth: number): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw broken("The request body is not valid UTF-8.");
  }
  if (text.trim() === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw broken("The request body is not valid JSON.");
  }
  return value(shape, parsed, "", depth) as Record<string, unknown>;
}

function value(shape: Shape, raw: unknown, path: string, depth: number): unknown {
  if (depth < 0) throw broken(`The value at '${path}' is nested too deeply.`);
  switch (shape.kind) {
    case "structure":
      return structure(shape, raw, path, depth);
    case "list": {
      if (!Array.isArray(raw)) throw wrong("list", raw, path);
      return raw.map((item, i) => value(shape.item.shape, item, `${path}.${i + 1}`, depth - 1));
    }
    case "map": {
      if (!isObject(raw)) throw wrong("map", raw, path);
      const out: Record<string, unknown> = {};
      for (const [key, item] of Object.entries(raw)) {
        if (item === null) continue;
        put(out, key, value(shape.value.shape, item, `${path}.${key}`, depth - 1));
      }
      return out;
    }
    case "string":
      if (typeof raw !== "string") throw wrong("string", raw, path);
      return raw;
    case "boolean":
      if (typeof raw !== "boolean") throw wrong("boolean", raw, path);
      return raw;
    case "number":
      return number(raw, path);
    case "timestamp":
      return timestamp(raw, path);
    case "blob":
      return blob(raw, path);
    case "document":
      return raw;
  }
}

function structure(
  shape: StructureShape,
  raw: unknown,
  path: string,
  depth: number,
): Record<string, unknown> {
  if (!isObject(raw)) throw wrong("structure", raw, path);
  const out: Record<string, unknown> = {};
  for (const member of shape.members) {
    const item = Object.hasOwn(raw, member.name) ? raw[member.name] : undefined;
    if (item === undefined || item === null) continue;
    out[member.name] = value(
      member.shape,
      item,
      path === "" ? member.name : `${path}.${member.name}`,
      depth - 1,
    );
  }
  return out;
}

function number(raw: unknown, path: string): number {
  if (typeof raw === "number") return raw;
  // The protocol's spelling of the doubles that JSON has no literal for.
  if (raw === "NaN" || raw === "Infinity" || raw === "-Infinity") return Number(raw);
  throw wrong("number", raw, path);
}

function timestamp(raw: unknown, path: string): Date {
  const date =
    typeof raw === "number" ? new Date(raw * 1000) : typeof raw === "string" ? new Date(raw) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) throw wrong("timestamp", raw, path);
  return date;
}

function blob(raw: unknown, path: string): Uint8Array {
  if (typeof raw !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(raw)) throw wrong("blob", raw, path);
  return new Uint8Array(Buffer.from(raw, "base64"));
}

const isObject = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw);

/** A key named `__proto__` is a key like any other. */
function put(target: Record<string, unknown>, key: string, item: unknown): void {
  Object.defineProperty(target, key, { value: item, enumerable: true, configurable: true, writable: true });
}

function wrong(expected: string, raw: unknown, path: string): ServiceError {
  const actual =
    raw === null ? "null" : Array.isArray(raw) ? "list" : typeof raw === "object" ? "structure" : typeof raw;
  const where = path === "" ? "The request body" : `The value at '${path}'`;
  return broken(`${where} is a ${actual}; a ${expected} was expected.`);
}
