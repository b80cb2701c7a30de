// A second evaluator, slow and obvious, to compare the real one with: it reads the JSON anew for each question, makes regular
// expressions of patterns, and follows the User Guide's sentences one by one. Covers what the arbitraries below can say.
import fc from "fast-check";

type OneOrMany = string | readonly string[];

export interface PlainStatement {
  readonly Effect: "Allow" | "Deny";
  readonly Action?: OneOrMany;
  readonly NotAction?: OneOrMany;
  readonly Resource?: OneOrMany;
  readonly NotResource?: OneOrMany;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany>>>>;
}
export interface PlainRequest {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, readonly string[]>>;
}

const list = (value: OneOrMany): readonly string[] => (typeof value === "string" ? [value] : value);

/** The whole text, `*` any characters, `?` one. */
export function asRegExp(pattern: string, flags = ""): RegExp {
  const source = [...pattern]
    .map((c) => (c === "*" ? "[^]*" : c === "?" ? "[^]" : c.replace(/[\\^$.|+()[\]{}/-]/, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`, flags);
}

function isResource(pattern: string, resource: string): boolean {
  if (pattern === "*") return true;
  const sixOf = (arn: string) => [...arn.split(":").slice(0, 5), arn.split(":").slice(5).join(":")];
  if (!resource.startsWith("arn:")) return false;
  return sixOf(pattern).every((part, i) => asRegExp(part).test(sixOf(resource)[i] ?? ""));
}

function statementApplies(statement: PlainStatement, request: PlainRequest): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement;
  const isAction = (pattern: string) => asRegExp(pattern, "i").test(request.action);
  if (Action !== undefined && !list(Action).some(isAction)) return false;
  if (NotAction !== undefined && list(NotAction).some(isAction)) return false;
  if (Resource !== undefined && !list(Resource).some((p) => isResource(p, request.resource))) return false;
  if (NotResource !== undefined && list(NotResource).some((p) => isResource(p, request.resource)))
    return false;
  for (const [operator, keys] of Object.entries(Condition)) {
    for (const [key, wanted] of Object.entries(keys)) {
      if (!holds(operator, list(wanted), valuesOf(request, key))) return false;
    }
  }
  return true;
}

function valuesOf({ context }: PlainRequest, key: string): readonly string[] {
  for (const [name, values] of Object.entries(context)) {
    if (name.toLowerCase() === key.toLowerCase()) return values;
  }
  return [];
}

function holds(operator: string, wanted: readonly string[], actual: readonly string[]): boolean {
  if (operator === "Null") return wanted.includes(String(actual.length === 0));
  if (operator.endsWith("IfExists")) {
    return actual.length === 0 || holds(operator.slice(0, -"IfExists".length), wanted, actual);
  }
  if (operator.startsWith("ForAllValues:")) {
    const inner = operator.slice("ForAllValues:".length);
    return actual.every((value) => holds(inner, wanted, [value]));
  }
  if (operator.startsWith("ForAnyValue:")) {
    const inner = operator.slice("ForAnyValue:".length);
    return actual.some((value) => holds(inner, wanted, [value]));
  }
  const opposite = {
    StringNotEquals: "StringEquals",
    StringNotLike: "StringLike",
    NumericNotEquals: "NumericEquals",
  }[operator];
  if (opposite !== undefined) return !holds(opposite, wanted, actual);
  return actual.some((value) =>
    wanted.some((w) => {
      switch (operator) {
        case "StringEquals":
          return w === value;
        case "StringEqualsIgnoreCase":
          return w.toUpperCase() === value.toUpperCase();
        case "StringLike":
          return asRegExp(w).test(value);
        case "NumericEquals":
          return Number(w) === Number(value);
        case "NumericLessThan":
          return Number(value) < Number(w);
        case "NumericGreaterThanEquals":
          return Number(value) >= Number(w);
        case "Bool":
          return w === value;
        default:
          throw new Error(`The reference does not know ${operator}.`);
      }
    }),
  );
}

export function referenceDecision(
  policies: readonly (readonly PlainStatement[])[],
  request: PlainRequest,
): "allow" | "explicit deny" | "implicit deny" {
  const applying = policies.flat().filter((statement) => statementApplies(statement, request));
  if (applying.some(({ Effect }) => Effect === "Deny")) return "explicit deny";
  return applying.some(({ Effect }) => Effect === "Allow") ? "allow" : "implicit deny";
}

const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 1, maxLength: 3 });
const actionPattern = fc.oneof(
  fc.constantFrom(
    "*",
    "ecs:*",
    "ecs:Run*",
    "ECS:runtask",
    "ecs:?top*",
    "ec2:*",
    "ecs:Describe*s",
    "ecs:RunTask",
  ),
  fc
    .array(fc.constantFrom("R", "u", "n", "*", "?", "T"), { minLength: 1, maxLength: 6 })
    .map((c) => `ecs:${c.join("")}`),
);
const resourcePattern = fc.oneof(
  fc.constantFrom(
    "*",
    "arn:aws:ecs:*:*:task/*",
    "arn:aws:ecs:*:1:*",
    "arn:*:ecs:eu-west-?:*:task/web/*",
    "arn:aws:ecs:eu-west-1:1:task/web/1",
  ),
  fc
    .array(fc.constantFrom("task", "/", "web", "*", "?", ":", "1"), { minLength: 1, maxLength: 5 })
    .map((c) => `arn:aws:ecs:*:1:${c.join("")}`),
);
const value = fc.constantFrom("web", "Web", "w*", "?eb", "*", "1", "2", "10", "true", "false", "");
const base = fc.constantFrom(
  "StringEquals",
  "StringNotEquals",
  "StringEqualsIgnoreCase",
  "StringLike",
  "StringNotLike",
  "NumericEquals",
  "NumericNotEquals",
  "NumericLessThan",
  "NumericGreaterThanEquals",
  "Bool",
);
const operator = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom("", "ForAllValues:", "ForAnyValue:"), base, fc.constantFrom("", "IfExists"))
      .map((p) => p.join("")),
  },
  { weight: 1, arbitrary: fc.constant("Null") },
);
const key = fc.constantFrom("ecs:cluster", "aws:TagKeys", "AWS:tagkeys", "aws:username", "x:number");
/** Numbers for what compares numbers, so that both evaluators speak of numbers. */
const condition = operator.chain((name) => {
  const values = name.includes("Numeric")
    ? fc.constantFrom("1", "2", "10")
    : name === "Null" || name.includes("Bool")
      ? fc.constantFrom("true", "false")
      : value;
  return fc
    .dictionary(name.includes("Numeric") ? fc.constant("x:number") : key, some(values), {
      minKeys: 1,
      maxKeys: 2,
    })
    .map((keys) => ({ [name]: keys }));
});

export const statementArbitrary: fc.Arbitrary<PlainStatement> = fc
  .record({
    Effect: fc.constantFrom("Allow" as const, "Deny" as const),
    actions: fc.record({ negated: fc.boolean(), list: some(actionPattern) }),
    resources: fc.record({ negated: fc.boolean(), list: some(resourcePattern) }),
    conditions: fc.array(condition, { maxLength: 2 }),
  })
  .map(({ Effect, actions, resources, conditions }) => ({
    Effect,
    ...(actions.negated ? { NotAction: actions.list } : { Action: actions.list }),
    ...(resources.negated ? { NotResource: resources.list } : { Resource: resources.list }),
    ...(conditions.length === 0
      ? {}
      : { Condition: Object.assign({}, ...conditions) as Record<string, never> }),
  }));

export const policiesArbitrary = fc.array(fc.array(statementArbitrary, { minLength: 1, maxLength: 3 }), {
  maxLength: 3,
});

export const requestArbitrary: fc.Arbitrary<PlainRequest> = fc.record({
  action: fc.constantFrom("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ec2:RunInstances"),
  resource: fc.constantFrom(
    "*",
    "arn:aws:ecs:eu-west-1:1:task/web/1",
    "arn:aws:ecs:us-east-1:2:task/db/1",
    "arn:aws:ecs:eu-west-1:1:task",
  ),
  context: fc.record({
    "ecs:cluster": fc.array(value, { maxLength: 1 }),
    "aws:TagKeys": fc.array(value, { maxLength: 3 }),
    "aws:username": fc.array(value, { maxLength: 1 }),
    "x:number": fc.array(fc.constantFrom("1", "2", "10"), { maxLength: 2 }),
  }),
});
