// Round trips against the SDK's own codecs: what its clients write we read, what we write its clients read.
import * as ec2 from "@aws-sdk/client-ec2";
import * as ecs from "@aws-sdk/client-ecs";
import * as elbv2 from "@aws-sdk/client-elastic-load-balancing-v2";
import * as iam from "@aws-sdk/client-iam";
import {
  JsonShapeDeserializer,
  JsonShapeSerializer,
  QueryShapeSerializer,
  XmlShapeDeserializer,
} from "@aws-sdk/core/protocols";
import type { Schema } from "@smithy/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ec2Protocol } from "./ec2.ts";
import { testServices } from "./gateway.suite.ts";
import { jsonProtocol } from "./json.ts";
import type { Protocol } from "./protocol.ts";
import { queryProtocol } from "./query.ts";
import type { ServiceDefinition } from "./service-definition.ts";
import { createShapes, operationNames, type OperationShape, type SchemaNamespace } from "./shape.ts";
import { valueOf } from "./shape.suite.ts";
import type { WireRequest } from "./wire-request.ts";

const limits = { depth: 64, parameters: 100_000 };
const dateTime = { timestampFormat: { useTrait: true, default: 5 as const }, httpBindings: false };
const epoch = { timestampFormat: { useTrait: true, default: 7 as const }, jsonName: false };
// What XML can carry: our encoder replaces the rest, which its own test shows.
const text = fc.string({ unit: fc.constantFrom(..."aZ09 &<>\"'%+=.é€😀/\n"), maxLength: 6 });
const jsonText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constant("__proto__"),
  fc.constant("constructor"),
);

const wire = (contentType: string, body: string): WireRequest => ({
  ...{ method: "POST", rawPath: "/", rawQuery: "", sourceIp: "", endpoint: "" },
  headers: new Map([["content-type", [contentType]]]),
  body: Buffer.from(body),
});

const schemaOf = (namespace: SchemaNamespace, operation: string, index: 4 | 5): Schema =>
  (namespace[`${operation}$`] as readonly unknown[])[index] as Schema;

const shapesOf = (namespace: SchemaNamespace) => {
  const shapes = createShapes(namespace);
  return operationNames(namespace).map((name) => shapes.operation(name) as OperationShape);
};

function service(name: string): ServiceDefinition {
  const found = testServices([]).find((s) => s.name === name);
  return (
    found ?? {
      name,
      signingName: name,
      protocol: "query",
      wireName: "2010-05-08",
      loadSchemas: async () => iam,
      operations: {},
    }
  );
}

describe.each<[string, SchemaNamespace, Protocol, boolean]>([
  ["ec2", ec2, ec2Protocol, true],
  ["elasticloadbalancing", elbv2, queryProtocol, false],
  ["iam", iam, queryProtocol, false],
])("%s", (name, namespace, protocol, isEc2) => {
  const operations = fc.constantFrom(...shapesOf(namespace));

  it("reads every input that the SDK's query serializer writes", () => {
    const rules = { text, emptyLists: false, emptyStructures: false };
    fc.assert(
      fc.property(
        operations.chain((o) => fc.tuple(fc.constant(o), valueOf(o.input, rules))),
        ([operation, input]) => {
          const serializer = new QueryShapeSerializer({
            ...dateTime,
            ...{ xmlNamespace: "", serviceNamespace: "", serializeEmptyLists: !isEc2 },
            ...(isEc2 ? { capitalizeKeys: true, flattenLists: true, ec2: true } : {}),
          });
          serializer.write(schemaOf(namespace, operation.name, 4), input);
          const body = `Action=${operation.name}&Version=1${String(serializer.flush())}`;
          const decoded = protocol.decode(operation, wire("application/x-www-form-urlencoded", body), limits);
          const tokens = Object.keys(decoded).filter((key) => !(key in input));
          // The SDK adds an idempotency token by itself, and nothing else.
          expect(tokens.every((key) => /token/i.test(key))).toBe(true);
          expect(decoded).toMatchObject(input);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("writes every output so that the SDK's XML deserializer reads it", async () => {
    const rules = {
      text: text.filter((t) => t.trim() === t && t !== ""),
      emptyLists: true,
      emptyStructures: false,
    };
    await fc.assert(
      fc.asyncProperty(
        operations.chain((o) => fc.tuple(fc.constant(o), valueOf(o.output, rules))),
        async ([operation, output]) => {
          const xml = protocol.encodeOutput(service(name), operation, output, "request-id");
          const deserializer = new XmlShapeDeserializer({
            ...dateTime,
            xmlNamespace: "",
            serviceNamespace: "",
          });
          const schema = schemaOf(namespace, operation.name, 5);
          if (operation.output.members.length === 0) return;
          const decoded: unknown = await deserializer.read(
            schema,
            Buffer.from(xml),
            isEc2 ? undefined : `${operation.name}Result`,
          );
          expect(decoded).toEqual(output);
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe("ecs", () => {
  const operations = fc.constantFrom(...shapesOf(ecs));
  const rules = { text: jsonText, emptyLists: true, emptyStructures: true };

  it("reads every input that the SDK's JSON serializer writes", () => {
    fc.assert(
      fc.property(
        operations.chain((o) => fc.tuple(fc.constant(o), valueOf(o.input, rules))),
        ([operation, input]) => {
          const serializer = new JsonShapeSerializer(epoch);
          serializer.write(schemaOf(ecs, operation.name, 4), input);
          const body = serializer.flush();
          const decoded = jsonProtocol.decode(operation, wire("application/x-amz-json-1.1", body), limits);
          expect(JSON.stringify(decoded, sorted)).toBe(JSON.stringify({ ...decoded, ...input }, sorted));
        },
      ),
      { numRuns: 400 },
    );
  });

  it("writes every output so that the SDK's JSON deserializer reads it", async () => {
    await fc.assert(
      fc.asyncProperty(
        operations.chain((o) => fc.tuple(fc.constant(o), valueOf(o.output, rules))),
        async ([operation, output]) => {
          const json = jsonProtocol.encodeOutput(service("ecs"), operation, output, "request-id");
          const decoded: unknown = await new JsonShapeDeserializer(epoch).read(
            schemaOf(ecs, operation.name, 5),
            Buffer.from(json),
          );
          expect(JSON.stringify(decoded, sorted)).toBe(JSON.stringify(output, sorted));
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** Members in one order, so that texts can be compared; `__proto__` keys survive, which toEqual cannot see. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
