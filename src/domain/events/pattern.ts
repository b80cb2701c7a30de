// Event patterns (EventBridge User Guide, "Creating event patterns"): read once into a test that events are put to. What matches
// is decided here; whose events are asked is the rules' affair. Operators on one value stand in pattern-operators.ts.
import { isObject, type Json } from "./json.ts";
import { InvalidPattern, readOperator, type Check } from "./pattern-operators.ts";

/** Whether an event (the whole envelope) matches. */
export type EventPattern = (event: Json) => boolean;

/** EventBridge API reference, PutRule. */
const LONGEST_PATTERN = 4096;
const DEEPEST = 100;
/** "Event pattern comparison operators": the combinations that `$or` may make. */
const MOST_COMBINATIONS = 1000;

type Node = (value: Json | undefined) => boolean;
interface Built {
  readonly test: Node;
  readonly combinations: number;
}

/** @throws InvalidPattern with the reason */
export function readPattern(text: string): EventPattern {
  if (text.length > LONGEST_PATTERN) throw new InvalidPattern(`Pattern is longer than ${LONGEST_PATTERN}`);
  let pattern: Json;
  try {
    pattern = JSON.parse(text) as Json;
  } catch {
    throw new InvalidPattern("Filter is not valid JSON");
  }
  if (!isObject(pattern)) throw new InvalidPattern("Filter is not an object");
  const { test, combinations } = readObject(pattern, 0);
  if (combinations > MOST_COMBINATIONS)
    throw new InvalidPattern(`$or makes more than ${MOST_COMBINATIONS} combinations`);
  return test;
}

function readObject(pattern: { readonly [name: string]: Json }, depth: number): Built {
  if (depth > DEEPEST) throw new InvalidPattern("Pattern is nested too deeply");
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new InvalidPattern("Empty objects are not allowed");
  const parts = entries.map(([name, inside]): Built => {
    if (name === "$or" && Array.isArray(inside)) return readOr(inside as readonly Json[], depth);
    const { test, combinations } = readMember(name, inside, depth);
    return { combinations, test: (value) => test(memberOf(value, name)) };
  });
  return {
    combinations: parts.reduce((product, part) => product * part.combinations, 1),
    // Of a list of objects one of them must match as a whole: members are not mixed.
    test: (value) =>
      Array.isArray(value)
        ? (value as readonly Json[]).some((item) => parts.every(({ test }) => test(item)))
        : parts.every(({ test }) => test(value)),
  };
}

function readOr(choices: readonly Json[], depth: number): Built {
  if (choices.length < 2) throw new InvalidPattern("There must have at least 2 Objects in $or relationship");
  const read = choices.map((choice) => {
    if (!isObject(choice)) throw new InvalidPattern("Only objects are allowed in $or relationship");
    return readObject(choice, depth + 1);
  });
  return {
    combinations: read.reduce((sum, { combinations }) => sum + combinations, 0),
    test: (value) => read.some(({ test }) => test(value)),
  };
}

function readMember(name: string, inside: Json, depth: number): Built {
  if (isObject(inside)) return readObject(inside, depth + 1);
  if (!Array.isArray(inside)) throw new InvalidPattern(`"${name}" must be an object or an array`);
  const items = inside as readonly Json[];
  if (items.length === 0) throw new InvalidPattern("Empty arrays are not allowed");
  const checks = items.map(readItem);
  return {
    combinations: 1,
    test(value) {
      const leaves = leavesOf(value);
      return checks.some((check) =>
        check.absent === true ? leaves.length === 0 : leaves.some((leaf) => check.matches(leaf)),
      );
    },
  };
}

/** An entry of a pattern's array: the value itself, or one operator. */
function readItem(item: Json): Check {
  if (isObject(item)) return readOperator(item);
  if (Array.isArray(item)) throw new InvalidPattern("Arrays inside of arrays are not allowed");
  return { matches: (leaf) => leaf === item };
}

/** What stands at a path of an event: lists count by their items, objects are no values. */
function leavesOf(value: Json | undefined): readonly (null | boolean | number | string)[] {
  if (value === undefined || isObject(value)) return [];
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(leavesOf);
  return [value as null | boolean | number | string];
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
