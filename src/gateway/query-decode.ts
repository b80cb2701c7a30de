// Query parameters to an operation's input, by its schema. AWS Query and EC2 Query differ in names and lists only.
import type { Fault } from "./protocol.ts";
import type { ParameterNode } from "./query-parameters.ts";
import type { Member, Shape, StructureShape } from "./shape.ts";

export interface QueryDialect {
  /** The names by which a structure's member may come. */
  memberNames(member: Member): readonly string[];
  /** EC2 writes `Filter.1`, AWS Query `Filter.member.1`. */
  readonly flatLists: boolean;
}

export const awsQueryDialect: QueryDialect = {
  memberNames: (member) => (member.xmlName === undefined ? [member.name] : [member.xmlName, member.name]),
  flatLists: false,
};

export const ec2Dialect: QueryDialect = {
  memberNames: (member) => [member.ec2QueryName ?? capitalised(member.xmlName ?? member.name)],
  flatLists: true,
};

/** A value of the wrong type; the protocol words it. */
export class QueryFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.path);
    this.fault = fault;
  }
}

export function decodeQuery(
  shape: StructureShape,
  root: ParameterNode,
  dialect: QueryDialect,
): Record<string, unknown> {
  return structure(shape, root, "", dialect);
}

/** The names in `root` that no member of `shape` has. */
export function unknownParameters(
  shape: StructureShape,
  root: ParameterNode,
  dialect: QueryDialect,
): string[] {
  const known = new Set(shape.members.flatMap((member) => dialect.memberNames(member)));
  return [...root.children.keys()].filter((name) => !known.has(name));
}

function structure(
  shape: StructureShape,
  node: ParameterNode,
  path: string,
  dialect: QueryDialect,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const member of shape.members) {
    const found = child(member, node, dialect);
    if (found === undefined) continue;
    const at = path === "" ? found.name : `${path}.${found.name}`;
    const item = value(member.shape, found.node, at, member.flattened || dialect.flatLists, dialect);
    if (item !== undefined) out[member.name] = item;
  }
  return out;
}

function child(member: Member, node: ParameterNode, dialect: QueryDialect) {
  for (const name of dialect.memberNames(member)) {
    const found = node.children.get(name);
    if (found !== undefined) return { name, node: found };
  }
  return undefined;
}

function value(
  shape: Shape,
  node: ParameterNode,
  path: string,
  flat: boolean,
  dialect: QueryDialect,
): unknown {
  if (shape.kind === "structure") return structure(shape, node, path, dialect);
  if (shape.kind === "list") return list(shape.item, node, path, flat, dialect);
  if (shape.kind === "map") return map(shape.key, shape.value, node, path, flat, dialect);
  return node.value === undefined ? undefined : scalar(shape, node.value, path);
}

function list(
  item: Member,
  node: ParameterNode,
  path: string,
  flat: boolean,
  dialect: QueryDialect,
): unknown[] | undefined {
  // `Tags=` is AWS Query's empty list.
  if (node.children.size === 0) return node.value === "" && !flat ? [] : undefined;
  const wrapper = item.xmlName ?? "member";
  const holder = flat ? node : (node.children.get(wrapper) ?? node.children.get("member") ?? node);
  return numbered(holder)
    .map(([index, entry]) =>
      value(item.shape, entry, `${path}${flat ? "" : `.${wrapper}`}.${index}`, dialect.flatLists, dialect),
    )
    .filter((entry) => entry !== undefined);
}

function map(
  key: Member,
  item: Member,
  node: ParameterNode,
  path: string,
  flat: boolean,
  dialect: QueryDialect,
) {
  const out: Record<string, unknown> = {};
  const holder = flat ? node : (node.children.get("entry") ?? node);
  for (const [index, entry] of numbered(holder)) {
    const name = entry.children.get(key.xmlName ?? "key")?.value;
    const found = entry.children.get(item.xmlName ?? "value");
    if (name === undefined || found === undefined) continue;
    const decoded = value(item.shape, found, `${path}.${index}`, dialect.flatLists, dialect);
    // defineProperty: a key named `__proto__` is a key like any other.
    Object.defineProperty(out, name, {
      value: decoded,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return out;
}

/** Numbered children in the order of their numbers; gaps are allowed, as on AWS. */
const numbered = (node: ParameterNode): [string, ParameterNode][] =>
  [...node.children].filter(([name]) => /^\d{1,9}$/.test(name)).sort(([a], [b]) => Number(a) - Number(b));

function scalar(
  shape: Exclude<Shape, { kind: "structure" | "list" | "map" }>,
  text: string,
  path: string,
): unknown {
  const fault = () => new QueryFault({ path, expected: shape.kind, value: text });
  switch (shape.kind) {
    case "string":
    case "document":
      return text;
    case "boolean":
      if (!/^(true|false)$/i.test(text)) throw fault();
      return text.toLowerCase() === "true";
    case "number":
      if (!/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw fault();
      return Number(text);
    case "timestamp": {
      const date = /^\d+(\.\d+)?$/.test(text) ? new Date(Number(text) * 1000) : new Date(text);
      if (Number.isNaN(date.getTime())) throw fault();
      return date;
    }
    case "blob":
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw fault();
      return new Uint8Array(Buffer.from(text, "base64"));
  }
}

const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
