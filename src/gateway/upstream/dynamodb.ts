// DynamoDB's calls as permissions (Service Authorization Reference, "Amazon DynamoDB"): on the tables that their JSON names.
import { formatArn } from "#lib/arn.ts";
import { type Call, type Meaning, NotRouted } from "./target.ts";

type Json = { readonly [name: string]: unknown };

/** Statements name tables in a language of their own, which is not read here. */
const UNREADABLE = new Set(["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"]);
const WITHOUT_RESOURCE = new Set([
  "ListTables",
  "ListBackups",
  "ListExports",
  "ListImports",
  "ListGlobalTables",
  "ListContributorInsights",
  "ListStreams",
  "DescribeLimits",
  "DescribeEndpoints",
]);
/** Members that name what an operation is for, by name or ARN. */
const NAMES = ["TableName", "TableArn", "SourceTableName", "TargetTableName"];
const ARNS = ["ResourceArn", "StreamArn", "BackupArn", "ExportArn", "ImportArn"];
const IN_TRANSACTION = ["Get", "Put", "Update", "Delete"];

/** @throws NotRouted */
export function readDynamoDb(operation: string, { body, region, account }: Call): Meaning {
  if (UNREADABLE.has(operation))
    throw new NotRouted(`dynamodb:${operation} is not routed: Estiba does not read PartiQL.`);
  const input = parse(body);
  const action = `dynamodb:${operation}`;
  const table = (name: unknown): string => {
    if (typeof name !== "string" || name === "") throw new NotRouted(`dynamodb:${operation} names no table.`);
    if (name.startsWith("arn:")) return name;
    return formatArn({ service: "dynamodb", region, account, resource: `table/${name}` });
  };
  const on = (resource: string, of = action) => ({ action: of, resource, context: contextOf(input) });

  if (operation === "TransactGetItems" || operation === "TransactWriteItems") {
    const permissions = listOf(input["TransactItems"]).flatMap((item) =>
      Object.entries(item).map(([kind, what]) => {
        const isKnown = IN_TRANSACTION.includes(kind) || kind === "ConditionCheck";
        if (!isKnown) throw new NotRouted(`The member ${kind} of ${operation} is not known here.`);
        return on(table(asObject(what)["TableName"]), `dynamodb:${kind}Item`);
      }),
    );
    if (permissions.length === 0) throw new NotRouted(`dynamodb:${operation} names no table.`);
    return { action, permissions };
  }
  if (operation === "BatchGetItem" || operation === "BatchWriteItem") {
    const tables = Object.keys(asObject(input["RequestItems"]));
    if (tables.length === 0) throw new NotRouted(`dynamodb:${operation} names no table.`);
    return { action, permissions: tables.map((name) => on(table(name))) };
  }
  if (WITHOUT_RESOURCE.has(operation)) return { action, permissions: [{ action, resource: "*" }] };
  const named = [
    ...NAMES.flatMap((member) => (input[member] === undefined ? [] : [table(input[member])])),
    ...ARNS.flatMap((member) => (typeof input[member] === "string" ? [input[member]] : [])),
  ];
  // An operation of which it is not known what it touches needs its permission on everything.
  if (named.length === 0) return { action, permissions: [on("*")] };
  const { IndexName: index } = input;
  const isQuery = operation === "Query" || operation === "Scan";
  return {
    action,
    permissions: named.map((arn) => on(isQuery && typeof index === "string" ? `${arn}/index/${index}` : arn)),
  };
}

/**
 * Conditions on keys and attributes need the table's schema: their keys get a value that no policy names, so that what rests on
 * them is not allowed.
 */
function contextOf(input: Json): Readonly<Record<string, string | undefined>> {
  const { Select: select, ReturnValues: returned } = input;
  return {
    "dynamodb:LeadingKeys": UNKNOWN,
    "dynamodb:Attributes": UNKNOWN,
    "dynamodb:Select": typeof select === "string" ? select : undefined,
    "dynamodb:ReturnValues": typeof returned === "string" ? returned : undefined,
  };
}
const UNKNOWN = "\u0000not judged";

function parse(body: Uint8Array): Json {
  try {
    return asObject(JSON.parse(Buffer.from(body).toString("utf8")));
  } catch {
    throw new NotRouted("The request is no JSON.");
  }
}

function asObject(value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new NotRouted("The request is not an object where one is needed.");
  return value as Json;
}

const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(asObject) : []);
