// The comparison operators of event patterns (EventBridge User Guide, "Comparison operators"), each on one value of an event.
import { isInRange } from "#lib/address-range.ts";
import type { Json } from "./json.ts";

/** Why a pattern is refused. */
export class InvalidPattern extends Error {
  override readonly name = "InvalidPattern";
}

export interface Check {
  readonly matches: (leaf: Json) => boolean;
  /** `exists: false`: it is the path without a value that matches. */
  readonly absent?: true;
}

const LARGEST_NUMBER = 5_000_000_000;

/** @throws InvalidPattern */
export function readOperator(item: { readonly [name: string]: Json }): Check {
  const [[name, given] = ["", null], ...more] = Object.entries(item);
  if (more.length > 0 || name === "") throw new InvalidPattern("Only one key allowed in match expression");
  switch (name) {
    case "exists":
      if (typeof given !== "boolean")
        throw new InvalidPattern("exists match pattern must be either true or false.");
      return given ? { matches: () => true } : { matches: () => false, absent: true };
    case "numeric":
      return { matches: readNumeric(given) };
    case "cidr":
      return { matches: readCidr(given) };
    case "anything-but":
      return { matches: readAnythingBut(given) };
    case "prefix":
    case "suffix":
      return { matches: onText(isTextOperator(given) ? anyCase(name, given) : textTest(name, given)) };
    case "equals-ignore-case":
    case "wildcard":
      return { matches: onText(textTest(name, given)) };
    default:
      throw new InvalidPattern(`Unrecognized match type ${name}`);
  }
}

type TextTest = (text: string) => boolean;
const onText =
  (test: TextTest) =>
  (leaf: Json): boolean =>
    typeof leaf === "string" && test(leaf);

/** `prefix` and `suffix` may say `{"equals-ignore-case": "…"}`. */
const isTextOperator = (given: Json): given is { readonly [name: string]: Json } =>
  typeof given === "object" && given !== null && !Array.isArray(given);

function anyCase(name: "prefix" | "suffix", given: { readonly [name: string]: Json }): TextTest {
  const [[inner, text] = ["", null], ...more] = Object.entries(given);
  if (inner !== "equals-ignore-case" || more.length > 0)
    throw new InvalidPattern(`Unsupported match type inside of ${name}`);
  if (typeof text !== "string") throw new InvalidPattern(`${name} match pattern must be a string`);
  const test = textTest(name, text.toLowerCase());
  return (value) => test(value.toLowerCase());
}

function textTest(name: string, given: Json): TextTest {
  if (typeof given !== "string") throw new InvalidPattern(`${name} match pattern must be a string`);
  switch (name) {
    case "prefix":
      return (text) => text.startsWith(given);
    case "suffix":
      return (text) => text.endsWith(given);
    case "equals-ignore-case": {
      const lower = given.toLowerCase();
      return (text) => text.toLowerCase() === lower;
    }
    case "wildcard":
      return wildcard(given);
    default:
      throw new InvalidPattern(`Unsupported anything-but pattern: ${name}`);
  }
}

/** `*` stands for anything, `\*` and `\\` for themselves. Time is linear in both lengths' product, whatever is written. */
function wildcard(pattern: string): TextTest {
  const parts = [""];
  for (let i = 0; i < pattern.length; i += 1) {
    const char = pattern.charAt(i);
    if (char === "*") {
      if (parts.at(-1) === "" && parts.length > 1)
        throw new InvalidPattern("Consecutive wildcard characters are not allowed");
      parts.push("");
      continue;
    }
    const next = pattern.charAt(i + 1);
    if (char === "\\") {
      if (next !== "*" && next !== "\\") throw new InvalidPattern("Invalid escape character in wildcard");
      i += 1;
    }
    parts[parts.length - 1] += char === "\\" ? next : char;
  }
  const [first = "", ...rest] = parts;
  if (rest.length === 0) return (text) => text === first;
  const last = rest.pop() ?? "";
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
      return false;
    let at = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > text.length - last.length) return false;
      at = found + part.length;
    }
    return true;
  };
}

function readAnythingBut(given: Json): Check["matches"] {
  if (isTextOperator(given)) {
    const [[name, inner] = ["", null], ...more] = Object.entries(given);
    if (more.length > 0 || name === "")
      throw new InvalidPattern("Only one key allowed in anything-but expression");
    const texts = listOf(inner);
    if (texts.length === 0) throw new InvalidPattern("Empty arrays are not allowed");
    const tests = texts.map((text) => textTest(name, text));
    return (leaf) => typeof leaf !== "string" || !tests.some((test) => test(leaf));
  }
  const values = listOf(given);
  const kinds = new Set(values.map((value) => typeof value));
  const [kind] = kinds;
  if (kinds.size !== 1 || (kind !== "string" && kind !== "number"))
    throw new InvalidPattern("Inside anything but list, start|null|boolean is not supported");
  const refused = new Set(values);
  return (leaf) => !refused.has(leaf);
}

const listOf = (given: Json): readonly Json[] =>
  Array.isArray(given) ? (given as readonly Json[]) : [given];

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** One comparison, or a lower and an upper bound. */
function readNumeric(given: Json): Check["matches"] {
  if (!Array.isArray(given) || (given.length !== 2 && given.length !== 4))
    throw new InvalidPattern("Invalid number of numeric comparisons");
  const [operator, operand, upper, limit] = given as readonly Json[];
  const compare = comparison(operator);
  const bound = numberIn(operand);
  if (given.length === 2) return (leaf) => typeof leaf === "number" && compare(leaf, bound);
  const isRange = (operator === ">" || operator === ">=") && (upper === "<" || upper === "<=");
  const end = numberIn(limit);
  if (!isRange) throw new InvalidPattern("Bad numeric range operators");
  if (end <= bound) throw new InvalidPattern("Bottom must be less than top");
  const compareEnd = comparison(upper);
  return (leaf) => typeof leaf === "number" && compare(leaf, bound) && compareEnd(leaf, end);
}

function comparison(operator: Json | undefined): (a: number, b: number) => boolean {
  const found =
    typeof operator === "string" && Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  if (found === undefined) throw new InvalidPattern("Unrecognized numeric range operator");
  return found;
}

function numberIn(given: Json | undefined): number {
  if (typeof given !== "number") throw new InvalidPattern("Value of numeric comparison must be numeric");
  if (Math.abs(given) > LARGEST_NUMBER)
    throw new InvalidPattern(`Value must be between -${LARGEST_NUMBER} and ${LARGEST_NUMBER}, inclusive`);
  return given;
}

function readCidr(given: Json): Check["matches"] {
  const [base, length] = typeof given === "string" ? given.split("/") : [];
  if (typeof given !== "string" || length === undefined || base === undefined || !isInRange(base, given))
    throw new InvalidPattern("Malformed CIDR, one '/' required");
  return (leaf) => typeof leaf === "string" && isInRange(leaf, given);
}
