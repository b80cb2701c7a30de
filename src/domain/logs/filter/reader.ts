// Reads a filter pattern from left to right: what all three of its forms share.
import { BadPattern } from "./bad-pattern.ts";
import type { Operand, Operator } from "./comparison.ts";

export class PatternReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get rest(): string {
    return this.#text.slice(this.#at);
  }

  get atEnd(): boolean {
    return this.skipSpace().rest === "";
  }

  skipSpace(): this {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    return this;
  }

  /** Takes what the expression matches here, anchored; undefined when it does not. */
  take(expression: RegExp): string | undefined {
    const found = new RegExp(`^(?:${expression.source})`, expression.flags).exec(this.rest)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Space before it is skipped. */
  takeWord(expression: RegExp): string | undefined {
    return this.skipSpace().take(expression);
  }

  refuse(): BadPattern {
    return new BadPattern(
      this.rest === ""
        ? "The filter pattern ends too early."
        : `The filter pattern cannot be read at '${this.rest}'.`,
    );
  }

  expect(expression: RegExp): string {
    const found = this.takeWord(expression);
    if (found === undefined) throw this.refuse();
    return found;
  }

  operator(): Operator | undefined {
    return this.takeWord(/!=|<=|>=|=|<|>/) as Operator | undefined;
  }

  /** A quoted text or a regular expression, else what `plain` matches. */
  operand(plain: RegExp): Operand {
    const quoted = this.takeWord(/"(?:[^"\\]|\\[^])*"/);
    if (quoted !== undefined)
      return { kind: "quoted", text: quoted.slice(1, -1).replace(/\\(["\\])/g, "$1") };
    const regex = this.take(/%(?:[^%\\]|\\[^])+%/);
    if (regex !== undefined) return { kind: "regex", text: regex.slice(1, -1) };
    return { kind: "plain", text: this.expect(plain) };
  }
}

/** `a && b || c`, with parentheses; `&&` binds closer. */
export function readCondition<T>(
  reader: PatternReader,
  leaf: () => T,
  combine: (operator: "&&" | "||", parts: readonly T[]) => T,
  depth = 0,
): T {
  if (depth > 32) throw new BadPattern("The filter pattern is nested too deeply.");
  const primary = (): T => {
    if (reader.takeWord(/\(/) === undefined) return leaf();
    const inner = readCondition(reader, leaf, combine, depth + 1);
    reader.expect(/\)/);
    return inner;
  };
  const chain = (operator: "&&" | "||", next: () => T): T => {
    const parts = [next()];
    while (reader.takeWord(operator === "&&" ? /&&/ : /\|\|/) !== undefined) parts.push(next());
    const [only] = parts;
    return parts.length === 1 ? (only as T) : combine(operator, parts);
  };
  return chain("||", () => chain("&&", primary));
}
