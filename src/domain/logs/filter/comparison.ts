// One comparison of a filter pattern: an operator and what stands to its right, against a value of the message.
import { BadPattern } from "./bad-pattern.ts";
import { compileRegex } from "./regex.ts";

export type Operator = "=" | "!=" | "<" | ">" | "<=" | ">=";
type Scalar = string | number;

export interface Operand {
  readonly kind: "quoted" | "plain" | "regex";
  readonly text: string;
}

/** Whether a value satisfies `operator operand`. @throws BadPattern */
export function compileComparison(operator: Operator, operand: Operand): (value: Scalar) => boolean {
  const { kind, text } = operand;
  if (operator === "=" || operator === "!=") {
    const equals = equality(operand);
    return operator === "=" ? equals : (value) => !equals(value);
  }
  const bound = kind === "plain" ? numberIn(text) : undefined;
  if (bound === undefined) throw new BadPattern(`${operator} compares numbers, and '${text}' is none.`);
  return (value) => {
    const given = typeof value === "number" ? value : numberIn(value);
    if (given === undefined) return false;
    if (operator === "<") return given < bound;
    if (operator === ">") return given > bound;
    return operator === "<=" ? given <= bound : given >= bound;
  };
}

function equality({ kind, text }: Operand): (value: Scalar) => boolean {
  if (kind === "regex") {
    const matches = compileRegex(text);
    return (value) => matches(String(value));
  }
  const number = kind === "plain" ? numberIn(text) : undefined;
  const matches = compileGlob(text);
  return (value) => {
    if (number !== undefined) {
      const given = typeof value === "number" ? value : numberIn(value);
      if (given !== undefined) return given === number;
    }
    return matches(String(value));
  };
}

export function numberIn(text: string): number | undefined {
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** `*` stands for any text, also none. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
      return false;
    const end = text.length - last.length;
    let at = first.length;
    // The earliest place for each part leaves the most to the next.
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
