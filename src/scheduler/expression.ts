// The cluster query language (ECS Developer Guide, "Cluster query language"): text → expression. What an expression says of
// an instance is in evaluate.ts. The parser is total: a text it cannot read is an ExpressionError with a position.
import { compilePattern, PatternError } from "./pattern.ts";

export type Comparison = "==" | "!=" | ">" | ">=" | "<" | "<=";
export type Expression =
  | { readonly op: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly op: "not"; readonly operand: Expression }
  | { readonly op: "exists"; readonly subject: string }
  | { readonly op: "in"; readonly subject: string; readonly values: readonly string[] }
  | { readonly op: "matches"; readonly subject: string; readonly pattern: string }
  | { readonly op: Comparison; readonly subject: string; readonly value: string };

export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

/** AWS's limit on the length of a constraint's expression. */
const MAXIMUM_LENGTH = 2000;
const MAXIMUM_DEPTH = 50;
const PLAIN_SUBJECTS = new Set([
  "agentConnected",
  "agentVersion",
  "ec2InstanceId",
  "registeredAt",
  "runningTasksCount",
  "task:group",
]);
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  "==": "==",
  equals: "==",
  "!=": "!=",
  not_equals: "!=",
  ">": ">",
  greater_than: ">",
  ">=": ">=",
  greater_than_equal: ">=",
  "<": "<",
  less_than: "<",
  "<=": "<=",
  less_than_equal: "<=",
};

interface Token {
  readonly text: string;
  readonly quoted: boolean;
  readonly at: number;
}

/** @throws ExpressionError */
export function parseExpression(text: string): Expression {
  if (text.length > MAXIMUM_LENGTH) throw new ExpressionError(`longer than ${MAXIMUM_LENGTH} characters`);
  const parser = new Parser(tokenize(text));
  const expression = parser.or(0);
  parser.end();
  return expression;
}

const SYMBOLS = ["==", "!=", ">=", "<=", "=~", "!~", "&&", "||", ">", "<", "(", ")", "[", "]", ",", "!"];
/** What ends an unquoted word. A value such as `t2.*` or `service:web` is one word. */
const WORD = /[^\s()[\],"'=!<>&|]/;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text[at] as string;
    if (/\s/.test(c)) {
      at += 1;
    } else if (c === '"' || c === "'") {
      const end = text.indexOf(c, at + 1);
      if (end < 0) throw new ExpressionError(`the quote at position ${at} is not closed`);
      tokens.push({ text: text.slice(at + 1, end), quoted: true, at });
      at = end + 1;
    } else {
      const symbol = SYMBOLS.find((s) => text.startsWith(s, at));
      let end = at + (symbol?.length ?? 0);
      if (symbol === undefined) while (end < text.length && WORD.test(text[end] as string)) end += 1;
      if (end === at) throw new ExpressionError(`unexpected '${c}' at position ${at}`);
      tokens.push({ text: text.slice(at, end), quoted: false, at });
      at = end;
    }
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  or(depth: number): Expression {
    let left = this.#and(depth);
    while (this.#accept("or", "||")) left = { op: "or", left, right: this.#and(depth) };
    return left;
  }

  end(): void {
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw new ExpressionError(`unexpected '${rest.text}' at position ${rest.at}`);
  }

  #and(depth: number): Expression {
    let left = this.#not(depth);
    while (this.#accept("and", "&&")) left = { op: "and", left, right: this.#not(depth) };
    return left;
  }

  #not(depth: number): Expression {
    if (depth > MAXIMUM_DEPTH) throw new ExpressionError("nested too deeply");
    if (this.#accept("not", "!")) return { op: "not", operand: this.#not(depth + 1) };
    if (!this.#accept("(")) return this.#term();
    const inner = this.or(depth + 1);
    this.#expect(")");
    return inner;
  }

  #term(): Expression {
    const subject = this.#word("a subject");
    if (subject.quoted || !(PLAIN_SUBJECTS.has(subject.text) || /^attribute:./.test(subject.text)))
      throw new ExpressionError(`unknown subject '${subject.text}' at position ${subject.at}`);
    const negated = this.#accept("!");
    const operator = this.#word("an operator");
    const expression = this.#operation(subject.text, operator);
    if (!negated) return expression;
    if (expression.op !== "in" && expression.op !== "exists")
      throw new ExpressionError(`unexpected '!' before '${operator.text}' at position ${operator.at}`);
    return { op: "not", operand: expression };
  }

  #operation(subject: string, operator: Token): Expression {
    const comparison = Object.hasOwn(COMPARISONS, operator.text) ? COMPARISONS[operator.text] : undefined;
    if (comparison !== undefined) return { op: comparison, subject, value: this.#word("a value").text };
    switch (operator.text) {
      case "exists":
        return { op: "exists", subject };
      case "not_exists":
        return { op: "not", operand: { op: "exists", subject } };
      case "in":
        return { op: "in", subject, values: this.#list() };
      case "not_in":
        return { op: "not", operand: { op: "in", subject, values: this.#list() } };
      case "=~":
      case "matches":
        return { op: "matches", subject, pattern: this.#pattern() };
      case "!~":
      case "not_matches":
        return { op: "not", operand: { op: "matches", subject, pattern: this.#pattern() } };
    }
    throw new ExpressionError(`unknown operator '${operator.text}' at position ${operator.at}`);
  }

  #pattern(): string {
    const { text, at } = this.#word("a pattern");
    try {
      compilePattern(text);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw new ExpressionError(`the pattern at position ${at}: ${error.message}`);
    }
    return text;
  }

  #list(): readonly string[] {
    this.#expect("[");
    const values: string[] = [];
    do values.push(this.#word("a value").text);
    while (this.#accept(","));
    this.#expect("]");
    return values;
  }

  #word(what: string): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw new ExpressionError(`${what} is missing at the end`);
    if (!token.quoted && ["(", ")", "[", "]", ",", "!", "&&", "||"].includes(token.text))
      throw new ExpressionError(`${what} is missing at position ${token.at}`);
    this.#next += 1;
    return token;
  }

  #accept(...texts: readonly string[]): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.quoted || !texts.includes(token.text)) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (this.#accept(text)) return;
    const token = this.#tokens[this.#next];
    throw new ExpressionError(
      token === undefined
        ? `'${text}' is missing at the end`
        : `'${text}' is missing at position ${token.at}`,
    );
  }
}
