// Patterns of JSON messages: `{ $.a.b = "x" && ($.c[0] > 4 || $.d NOT EXISTS) }`. A comparison is true of no message that lacks
// what it compares, also `!=`.
import { compileComparison } from "./comparison.ts";
import { BadPattern } from "./bad-pattern.ts";
import type { Filter } from "./filter.ts";
import { PatternReader, readCondition } from "./reader.ts";

type Test = (message: unknown) => boolean;
/** `"*"`: every item of an array. */
type Selector = readonly (string | number)[];

/** @throws BadPattern */
export function parseJsonPattern(pattern: string): Filter {
  const reader = new PatternReader(pattern);
  const selectors = new Map<string, Selector>();
  reader.expect(/\{/);
  const test = readCondition<Test>(
    reader,
    () => condition(reader, selectors),
    (operator, parts) =>
      operator === "&&" ? (value) => parts.every((p) => p(value)) : (value) => parts.some((p) => p(value)),
  );
  reader.expect(/\}/);
  if (!reader.atEnd) throw reader.refuse();
  return {
    matches(message) {
      const value = parsed(message);
      return value !== undefined && test(value);
    },
    extract(message) {
      const value = parsed(message);
      return Object.fromEntries(
        [...selectors].flatMap(([name, selector]) => {
          const [found] = selected(value, selector);
          return found === undefined
            ? []
            : [[name, typeof found === "string" ? found : JSON.stringify(found)]];
        }),
      );
    },
  };
}

/** Objects and arrays only: text that is JSON by chance is no structured message. */
function parsed(message: string): object | undefined {
  if (!/^\s*[{[]/.test(message)) return undefined;
  try {
    return JSON.parse(message) as object;
  } catch {
    return undefined;
  }
}

function condition(reader: PatternReader, selectors: Map<string, Selector>): Test {
  const { text, selector } = readSelector(reader);
  selectors.set(text, selector);
  const values = (message: unknown) => selected(message, selector);
  if (reader.takeWord(/NOT\s+EXISTS\b/i) !== undefined) return (message) => values(message).length === 0;
  if (reader.takeWord(/EXISTS\b/i) !== undefined) return (message) => values(message).length > 0;
  const is = reader.takeWord(/IS\s+(?:NULL|TRUE|FALSE)\b/i)?.toUpperCase();
  if (is !== undefined) {
    const wanted = is.endsWith("NULL") ? null : is.endsWith("TRUE");
    return (message) => values(message).some((v) => v === wanted);
  }
  const operator = reader.operator();
  if (operator === undefined) throw reader.refuse();
  const compare = compileComparison(operator, reader.operand(/[^\s(){}"%&|<>=!]+/));
  const scalar = (value: unknown): string | number | undefined =>
    typeof value === "string" || typeof value === "number"
      ? value
      : typeof value === "boolean"
        ? String(value)
        : undefined;
  return (message) =>
    values(message).some((value) => {
      const given = scalar(value);
      return given !== undefined && compare(given);
    });
}

const PART = /\.[\w$@-]+|\.?\[\s*(?:\d{1,9}|\*|'[^']*'|"[^"]*")\s*\]/;

function readSelector(reader: PatternReader): { readonly text: string; readonly selector: Selector } {
  let text = reader.expect(/\$/);
  const selector: (string | number)[] = [];
  for (let part = reader.take(PART); part !== undefined; part = reader.take(PART)) {
    text += part;
    const index = /\[\s*(.*?)\s*\]/.exec(part)?.[1];
    if (index === undefined) selector.push(`.${part.slice(1)}`);
    else if (/^\d+$/.test(index)) selector.push(Number(index));
    else selector.push(index === "*" ? "*" : `.${index.slice(1, -1)}`);
  }
  if (selector.length === 0) throw new BadPattern("A selector names a member: $.name");
  return { text, selector };
}

/** What the selector finds: nothing, one value, or several behind a `[*]`. */
function selected(message: unknown, selector: Selector): unknown[] {
  let found: unknown[] = [message];
  for (const part of selector) {
    found = found.flatMap((value): unknown[] => {
      if (typeof value !== "object" || value === null) return [];
      if (part === "*") return Array.isArray(value) ? (value as unknown[]) : [];
      if (typeof part === "number")
        return Array.isArray(value) && part < value.length ? [(value as unknown[])[part]] : [];
      const name = part.slice(1);
      return !Array.isArray(value) && Object.hasOwn(value, name)
        ? [(value as Record<string, unknown>)[name]]
        : [];
    });
  }
  return found;
}
