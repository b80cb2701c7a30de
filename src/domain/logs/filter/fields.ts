// Patterns of fields, for messages whose parts stand between spaces: `[ip, user, ..., status = 4*, bytes > 1000]`. Text in quotes
// or brackets is one field.
import { BadPattern } from "./bad-pattern.ts";
import { compileComparison } from "./comparison.ts";
import type { Filter } from "./filter.ts";
import { PatternReader, readCondition } from "./reader.ts";

type Test = (value: string) => boolean;

interface Field {
  /** Undefined: it is not named. */
  readonly name: string | undefined;
  readonly test: Test;
}

/** @throws BadPattern */
export function parseFields(pattern: string): Filter {
  const reader = new PatternReader(pattern);
  reader.expect(/\[/);
  const before: Field[] = [];
  /** What stands behind an ellipsis. */
  let after: Field[] | undefined;
  do {
    if (reader.takeWord(/\.\.\./) === undefined) (after ?? before).push(field(reader));
    else if (after === undefined) after = [];
    else throw new BadPattern("A filter pattern may have one ellipsis.");
  } while (reader.takeWord(/,/) !== undefined);
  reader.expect(/\]/);
  if (!reader.atEnd) throw reader.refuse();

  const bind = (message: string): (readonly [Field, string])[] | undefined => {
    const values = fieldsOf(message);
    const fixed = before.length + (after?.length ?? 0);
    if (after === undefined ? values.length !== fixed : values.length < fixed) return undefined;
    const gap = values.length - (after?.length ?? 0);
    return [
      ...before.map((f, i) => [f, values[i] ?? ""] as const),
      ...(after ?? []).map((f, i) => [f, values[gap + i] ?? ""] as const),
    ];
  };
  return {
    matches: (message) => bind(message)?.every(([f, value]) => f.test(value)) ?? false,
    extract: (message) =>
      Object.fromEntries((bind(message) ?? []).map(([f, value], i) => [`$${f.name ?? i + 1}`, value])),
  };
}

const NAME = /[A-Za-z_][\w-]*/;

function field(reader: PatternReader): Field {
  const name = reader.skipSpace().rest.match(/^\(*\s*([A-Za-z_][\w-]*)/)?.[1];
  if (name === undefined) {
    if (/^[,\]]/.test(reader.rest)) return { name: undefined, test: () => true };
    throw reader.refuse();
  }
  const test = readCondition<Test>(
    reader,
    () => {
      const own = reader.expect(NAME);
      if (own !== name) throw new BadPattern(`A condition on ${own} stands in the place of ${name}.`);
      const operator = reader.operator();
      if (operator === undefined) return () => true;
      const compare = compileComparison(operator, reader.operand(/[^\s,\]()|&"%]+/));
      return (value) => compare(value);
    },
    (operator, parts) =>
      operator === "&&" ? (value) => parts.every((p) => p(value)) : (value) => parts.some((p) => p(value)),
  );
  return { name, test };
}

/** A message's fields; quotes and brackets around one are not part of it. */
export function fieldsOf(message: string): string[] {
  const out: string[] = [];
  for (const [whole, quoted, bracketed] of message.matchAll(/"([^"]*)"(?=\s|$)|\[([^\]]*)\](?=\s|$)|\S+/g))
    out.push(quoted ?? bracketed ?? whole);
  return out;
}
