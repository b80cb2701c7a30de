// One operator on one key of a Condition element: quantifiers, IfExists, missing keys (IAM User Guide, "Creating a condition
// with multiple keys or values", "Set operators for multivalued context keys").
import { operators, type Comparison } from "./comparisons.ts";
import type { Context } from "./pattern.ts";

/** Whether the condition holds; undefined when it cannot be judged, which leaves the whole statement without effect. */
export type ConditionTest = (context: Context) => boolean | undefined;

const OPERATOR = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

interface ReadOperator {
  readonly quantifier: "ForAllValues" | "ForAnyValue" | undefined;
  readonly name: string;
  readonly ifExists: boolean;
}

/** The parts of `ForAnyValue:StringLikeIfExists`; undefined for what is no operator. */
export function readOperator(written: string): ReadOperator | undefined {
  const [, quantifier, name = "", ifExists] = OPERATOR.exec(written) ?? [];
  if (name === "Null") {
    // Asking for existence if it exists, or for each of the values, says nothing.
    return written === "Null" ? { quantifier: undefined, name, ifExists: false } : undefined;
  }
  if (!operators.has(name)) return undefined;
  return { quantifier: quantifier as ReadOperator["quantifier"], name, ifExists: ifExists !== undefined };
}

export function conditionTest(
  { quantifier, name, ifExists }: ReadOperator,
  key: string,
  values: readonly string[],
  variables: boolean,
): ConditionTest {
  const lowerKey = key.toLowerCase();
  if (name === "Null") {
    const wanted = values.map((value) => value.toLowerCase() === "true");
    return (context) => wanted.includes((context.get(lowerKey) ?? []).length === 0);
  }
  const operator = operators.get(name);
  if (operator === undefined) throw new Error(`No condition operator ${name}`);
  const { negated } = operator;
  const comparisons = values.map((value) => operator.read(value, variables));
  return (context) => {
    const actual = context.get(lowerKey) ?? [];
    if (actual.length === 0) {
      if (ifExists || quantifier === "ForAllValues") return true;
      // "Not equal" holds for what is not there, unless one of its values is asked for.
      return negated && quantifier === undefined;
    }
    let unresolved = false;
    const holds = (value: string): boolean => {
      const found = anyHolds(comparisons, value, context);
      if (found === undefined) unresolved = true;
      return (found === true) !== negated;
    };
    const result = quantified(quantifier, negated, actual, holds);
    return negated && unresolved ? undefined : result;
  };
}

function quantified(
  quantifier: ReadOperator["quantifier"],
  negated: boolean,
  actual: readonly string[],
  holds: (value: string) => boolean,
): boolean {
  // Without a quantifier a key has one value. Should it have several, "equals" wants one that is, "not equals" none that is.
  const every = quantifier === "ForAllValues" || (quantifier === undefined && negated);
  return every ? actual.every(holds) : actual.some(holds);
}

/** True if one does; undefined if none does and a variable without value left one unjudged. */
function anyHolds(comparisons: readonly Comparison[], value: string, context: Context): boolean | undefined {
  let result: boolean | undefined = false;
  for (const compare of comparisons) {
    const held = compare(value, context);
    if (held === true) return true;
    if (held === undefined) result = undefined;
  }
  return result;
}
