// The official SDK's runtime schemas as plain shapes that the codecs walk: every trait that matters on the wire, resolved.
import { NormalizedSchema } from "@smithy/core/schema";

export type Shape =
  | StructureShape
  | { readonly kind: "list"; readonly name: string; readonly item: Member }
  | { readonly kind: "map"; readonly name: string; readonly key: Member; readonly value: Member }
  | { readonly kind: "timestamp"; readonly format: "default" | "date-time" | "http-date" | "epoch" }
  | { readonly kind: "string" | "boolean" | "number" | "blob" | "document" };

export interface StructureShape {
  readonly kind: "structure";
  readonly name: string;
  readonly union: boolean;
  /** A union whose members are the events of a stream. */
  readonly eventStream?: boolean;
  /** In the model's order, required ones first. */
  readonly members: readonly Member[];
}

/** A structure's member, a list's item, a map's key or value. */
export interface Member {
  readonly name: string;
  readonly required: boolean;
  /** A getter: shapes refer to themselves. */
  readonly shape: Shape;
  readonly xmlName: string | undefined;
  readonly ec2QueryName: string | undefined;
  /** A list or map written without the element around it. */
  readonly flattened: boolean;
}

export interface OperationShape {
  readonly name: string;
  readonly input: StructureShape;
  readonly output: StructureShape;
}

/** How the service declares one of its errors. */
export interface ErrorShape {
  /** On the wire. */
  readonly code: string;
  /** Query services' only: in awsJson the model's `httpError` is not what goes over the wire (ECS answers 400). */
  readonly statusCode: number | undefined;
}

export type SchemaNamespace = Readonly<Record<string, unknown>>;
export type Shapes = ReturnType<typeof createShapes>;

/** The name of the shape of an operation that takes or gives nothing. */
export const UNIT = "Unit";
const empty: StructureShape = { kind: "structure", name: UNIT, union: false, members: [] };
const timestampFormats = { 4: "default", 5: "date-time", 6: "http-date", 7: "epoch" } as const;

type PrivateMembers = Readonly<Record<string, readonly string[]>>;

/**
 * Shapes of one service's package namespace; each is built when it is first asked for.
 * `privateMembers`: text members of inputs that the package does not declare, by operation.
 */
export function createShapes(namespace: SchemaNamespace, privateMembers: PrivateMembers = {}) {
  const known = new Map<unknown, Shape>();
  const operations = new Map<string, OperationShape>();

  const operation = (name: string): OperationShape | undefined => {
    const cached = operations.get(name);
    if (cached !== undefined) return cached;
    const schema = declared(namespace, name, 9);
    if (schema === undefined) return undefined;
    const built = {
      name,
      input: extended(root(schema[4], known), privateMembers[name]),
      output: root(schema[5], known),
    };
    operations.set(name, built);
    return built;
  };
  let errors: ReadonlyMap<string, ErrorShape> | undefined;
  /** `code` as a service throws it: an error's shape name or its code on the wire. */
  const error = (code: string): ErrorShape | undefined => (errors ??= declaredErrors(namespace)).get(code);
  return { operation, error };
}

/** Names of all operations that the package declares. */
export const operationNames = (namespace: SchemaNamespace): string[] =>
  Object.keys(namespace)
    .filter((key) => key.endsWith("$") && declared(namespace, key.slice(0, -1), 9) !== undefined)
    .map((key) => key.slice(0, -1))
    .sort();

function declared(namespace: SchemaNamespace, name: string, tag: number): readonly unknown[] | undefined {
  // A caller's name reaches this: only the package's own exports count.
  const schema =
    /^\w{1,128}$/.test(name) && Object.hasOwn(namespace, `${name}$`) ? namespace[`${name}$`] : undefined;
  return Array.isArray(schema) && schema[0] === tag ? (schema as readonly unknown[]) : undefined;
}

function declaredErrors(namespace: SchemaNamespace): ReadonlyMap<string, ErrorShape> {
  const out = new Map<string, ErrorShape>();
  for (const key of Object.keys(namespace)) {
    const name = key.slice(0, -1);
    const schema = key.endsWith("$") ? declared(namespace, name, -3) : undefined;
    if (schema === undefined) continue;
    const traits = NormalizedSchema.of(schema as never).getMergedTraits() as Readonly<
      Record<string, unknown>
    >;
    const query = traits["awsQueryError"] as readonly [string, number] | undefined;
    const shape = {
      code: query?.[0] ?? name,
      statusCode: query?.[1],
    };
    out.set(name, shape).set(shape.code, shape);
  }
  return out;
}

function root(ref: unknown, known: Map<unknown, Shape>): StructureShape {
  const schema = NormalizedSchema.of(ref as never);
  if (schema.isUnitSchema()) return empty;
  const shape = shapeOf(schema, known);
  return shape.kind === "structure" ? shape : empty;
}

function extended(shape: StructureShape, names: readonly string[] = []): StructureShape {
  const traits = { required: false, xmlName: undefined, ec2QueryName: undefined, flattened: false };
  const added = names.map((name): Member => ({ ...traits, name, shape: { kind: "string" } }));
  return added.length === 0 ? shape : { ...shape, members: [...shape.members, ...added] };
}

function shapeOf(schema: NormalizedSchema, known: Map<unknown, Shape>): Shape {
  const raw: unknown = schema.getSchema();
  const shape = known.get(raw) ?? build(schema, raw, known);
  if (typeof raw === "object") known.set(raw, shape);
  return shape;
}

function build(schema: NormalizedSchema, raw: unknown, known: Map<unknown, Shape>): Shape {
  const name = schema.getName() ?? "";
  if (schema.isStructSchema()) return structure(schema, raw as readonly unknown[], name, known);
  if (schema.isListSchema())
    return { kind: "list", name, item: member("member", schema.getValueSchema(), true, known) };
  if (schema.isMapSchema()) {
    return {
      kind: "map",
      name,
      key: member("key", schema.getKeySchema(), true, known),
      value: member("value", schema.getValueSchema(), true, known),
    };
  }
  if (schema.isTimestampSchema())
    return { kind: "timestamp", format: timestampFormats[raw as 4 | 5 | 6 | 7] };
  if (schema.isBlobSchema()) return { kind: "blob" };
  if (schema.isBooleanSchema()) return { kind: "boolean" };
  if (schema.isStringSchema()) return { kind: "string" };
  if (schema.isDocumentSchema()) return { kind: "document" };
  return { kind: "number" };
}

function structure(
  schema: NormalizedSchema,
  raw: readonly unknown[],
  name: string,
  known: Map<unknown, Shape>,
): Shape {
  const required = typeof raw[6] === "number" ? raw[6] : 0;
  let members: readonly Member[] | undefined;
  return {
    kind: "structure",
    name,
    union: schema.isUnionSchema(),
    eventStream: schema.isUnionSchema() && Boolean(schema.getMergedTraits().streaming),
    get members() {
      return (members ??= [...schema.structIterator()].map(([key, value], i) =>
        member(key, value, i < required, known),
      ));
    },
  };
}

function member(
  name: string,
  schema: NormalizedSchema,
  required: boolean,
  known: Map<unknown, Shape>,
): Member {
  const traits = schema.getMergedTraits();
  let shape: Shape | undefined;
  return {
    name,
    required,
    get shape() {
      return (shape ??= shapeOf(schema, known));
    },
    xmlName: traits.xmlName,
    ec2QueryName: (traits as Readonly<Record<string, unknown>>)["ec2QueryName"] as string | undefined,
    flattened: Boolean(traits.xmlFlattened),
  };
}
