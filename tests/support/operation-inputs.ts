// Inputs of operations made from the official SDK's schemas, and how they travel: what a test sends to every operation there is.
import { createEc2Service } from "#services/ec2/service.ts";
import { createEcsService } from "#services/ecs/service.ts";
import { createElbv2Service } from "#services/elbv2/service.ts";
import { createEventsService } from "#services/events/service.ts";
import { createIamService } from "#services/iam/service.ts";
import { createKmsService } from "#services/kms/service.ts";
import { createLogsService } from "#services/logs/service.ts";
import { createSecretsManagerService } from "#services/secretsmanager/service.ts";
import { createServiceDiscoveryService } from "#services/servicediscovery/service.ts";
import { createSsmService } from "#services/ssm/service.ts";
import { createStsService } from "#services/sts/service.ts";
import { awsQueryDialect, ec2Dialect, type QueryDialect } from "#gateway/query-decode.ts";
import type { Permission, ServiceDefinition } from "#gateway/service-definition.ts";
import { createShapes, type Shape, type Shapes, type StructureShape } from "#gateway/shape.ts";
import type { Service } from "./signed-request.ts";

export interface BuiltOperation {
  readonly permissions: ServiceDefinition["permissions"];
  readonly service: Service;
  readonly protocol: ServiceDefinition["protocol"];
  readonly name: string;
  readonly input: StructureShape;
  readonly shapes: Shapes;
}

export type Input = Readonly<Record<string, unknown>>;

/** What services see that are asked for their permissions only. */
const nothingStored = { store: { get: () => undefined, find: () => [], scan: () => [] } };

/** Every operation that is built. */
export async function builtOperations(): Promise<readonly BuiltOperation[]> {
  // The tables are made without being called: nothing else they would need is there.
  const none = nothingStored as never;
  const services = [
    createEcsService(none),
    createEc2Service(none),
    createElbv2Service(none),
    createEventsService(none),
    createIamService(none),
    createKmsService(none),
    createLogsService(none),
    createSecretsManagerService(none),
    createServiceDiscoveryService(none),
    createSsmService(none),
    createStsService(none),
  ];
  const lists = await Promise.all(
    services.map(async (service) => {
      const shapes = createShapes(await service.loadSchemas(), service.privateMembers);
      return Object.keys(service.operations).map((name): BuiltOperation => {
        const shape = shapes.operation(name);
        if (shape === undefined) throw new Error(`${service.name} has no ${name} in its schemas.`);
        const { protocol, permissions } = service;
        return { service: service.name as Service, protocol, name, input: shape.input, shapes, permissions };
      });
    }),
  );
  return lists.flat();
}

/** A value of the shape with the required members only; texts are names of nothing. */
export function least(shape: Shape): unknown {
  switch (shape.kind) {
    case "structure":
      return withMembers(shape.members.filter((m) => m.required));
    case "list": {
      // A form cannot say that a list has an empty structure in it.
      const { shape: item } = shape.item;
      if (item.kind !== "structure" || item.members.some((m) => m.required)) return [least(item)];
      return [withMembers(item.members.slice(0, 1))];
    }
    case "map":
      return { nothing: least(shape.value.shape) };
    case "string":
    case "document":
      return "nothing";
    case "boolean":
      return false;
    case "number":
      return 1;
    case "timestamp":
      return 1_700_000_000;
    case "blob":
      return "bm90aGluZw==";
  }
}

/** A value of the shape with all members, each list and map with one item, to a depth at which shapes may refer to themselves. */
function most(shape: Shape, depth = 0): unknown {
  if (shape.kind === "structure")
    return Object.fromEntries(
      shape.members.filter((m) => m.required || depth < 4).map((m) => [m.name, most(m.shape, depth + 1)]),
    );
  if (shape.kind === "list") return [most(shape.item.shape, depth + 1)];
  if (shape.kind === "map") return { nothing: most(shape.value.shape, depth + 1) };
  return least(shape);
}

const withMembers = (members: StructureShape["members"]): Input =>
  Object.fromEntries(members.map((m) => [m.name, least(m.shape)]));

export const leastInput = ({ input }: BuiltOperation): Input => least(input) as Input;
export const mostInput = ({ input }: BuiltOperation): Input => most(input) as Input;

/** What a call with the input needs, where nothing is stored. */
export const permissionsOf = ({ permissions, name }: BuiltOperation, input: Input): readonly Permission[] =>
  permissions?.[name]?.(input as never, { region: "eu-west-1", account: "123456789012" }) ?? [];

/** The input as it travels: a JSON text, or a form without Action and Version. */
export function encoded({ protocol, input }: BuiltOperation, value: Input): string {
  if (protocol === "awsJson1_1") return JSON.stringify(value);
  const out = new URLSearchParams();
  const dialect = protocol === "ec2" ? ec2Dialect : awsQueryDialect;
  for (const [name, text] of parameters(input, value, dialect)) out.append(name, text);
  return out.toString();
}

type Parameters = readonly (readonly [name: string, text: string])[];

function parameters(shape: StructureShape, value: Input, dialect: QueryDialect): Parameters {
  const names = new Map(shape.members.map((m) => [m.name, m] as const));
  return Object.entries(value).flatMap(([name, item]): Parameters => {
    const member = names.get(name);
    if (member === undefined) return [[name, text(item)]];
    const wire = dialect.memberNames(member)[0] ?? name;
    return below(member.shape, item, wire, dialect, member.flattened || dialect.flatLists);
  });
}

function below(shape: Shape, item: unknown, at: string, dialect: QueryDialect, flat: boolean): Parameters {
  if (item === undefined || item === null) return [];
  if (shape.kind === "structure" && isStructure(item))
    return parameters(shape, item, dialect).map(([name, value]) => [`${at}.${name}`, value]);
  if (shape.kind === "list" && Array.isArray(item)) {
    const prefix = flat ? at : `${at}.${shape.item.xmlName ?? "member"}`;
    return item.flatMap((one, i) =>
      below(shape.item.shape, one, `${prefix}.${i + 1}`, dialect, dialect.flatLists),
    );
  }
  if (shape.kind === "map" && isStructure(item)) {
    const prefix = flat ? at : `${at}.entry`;
    return Object.entries(item).flatMap(([key, one], i): Parameters => [
      [`${prefix}.${i + 1}.${shape.key.xmlName ?? "key"}`, key],
      ...below(
        shape.value.shape,
        one,
        `${prefix}.${i + 1}.${shape.value.xmlName ?? "value"}`,
        dialect,
        dialect.flatLists,
      ),
    ]);
  }
  return [[at, text(item)]];
}

const isStructure = (item: unknown): item is Input =>
  typeof item === "object" && item !== null && !Array.isArray(item);

const text = (item: unknown): string => (typeof item === "string" ? item : JSON.stringify(item));
