// Texts of policies with `*`, `?` and policy variables (IAM User Guide, "Policy variables"): read once, matched often.
// Whether a place takes wildcards or variables at all is said by whoever reads it.

/** Values of condition keys, under their names in lower case: AWS tells keys apart by more than case. */
export type Context = ReadonlyMap<string, readonly string[]>;

const ANY: unique symbol = Symbol("*");
const ONE: unique symbol = Symbol("?");
type Wildcard = typeof ANY | typeof ONE;
interface Variable {
  readonly key: string;
  readonly fallback: string | undefined;
}
type Part = string | Wildcard | Variable;

/** A text split at its wildcards; `undefined` stands for a variable that has no single value here. */
type Resolved = readonly (string | Wildcard)[];

export interface Pattern {
  readonly parts: readonly Part[];
  readonly hasVariables: boolean;
}

export interface PatternSyntax {
  readonly wildcards: boolean;
  /** Policies of version 2012-10-17 have variables, older ones take `${` as it stands. */
  readonly variables: boolean;
}

const VARIABLE = /^\$\{(?:([*?$])|([^},]+?)\s*(?:,\s*'([^']*)')?\s*)\}/;

export function readPattern(text: string, { wildcards, variables }: PatternSyntax): Pattern {
  const parts: Part[] = [];
  let literal = "";
  const push = (part: Wildcard | Variable) => {
    if (literal !== "") parts.push(literal);
    literal = "";
    parts.push(part);
  };
  for (let at = 0; at < text.length;) {
    const variable = variables && text.startsWith("${", at) ? VARIABLE.exec(text.slice(at)) : null;
    if (variable !== null) {
      const [whole, escaped, key, fallback] = variable;
      if (escaped !== undefined) literal += escaped;
      else push({ key: (key ?? "").trim().toLowerCase(), fallback });
      at += whole.length;
      continue;
    }
    const character = text.charAt(at);
    if (wildcards && character === "*") push(ANY);
    else if (wildcards && character === "?") push(ONE);
    else literal += character;
    at += 1;
  }
  if (literal !== "") parts.push(literal);
  return { parts, hasVariables: parts.some((part) => typeof part === "object") };
}

/** The pattern with its variables' values, whose own `*` and `?` are plain characters; undefined if one has no value. */
export function resolve({ parts, hasVariables }: Pattern, context: Context): Resolved | undefined {
  if (!hasVariables) return parts as Resolved;
  const resolved: (string | Wildcard)[] = [];
  for (const part of parts) {
    if (typeof part !== "object") resolved.push(part);
    else {
      const values = context.get(part.key);
      // A key with several values cannot stand in a text.
      const value = values?.length === 1 ? values[0] : part.fallback;
      if (value === undefined) return undefined;
      resolved.push(value);
    }
  }
  return resolved;
}

/** Whether the whole of `text` has the form; takes at most its length times the pattern's. */
export function matches(resolved: Resolved, text: string): boolean {
  const tokens = tokensOf(resolved);
  let at = 0;
  let token = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted === ANY) {
      star = token;
      starAt = at;
      token += 1;
    } else if (wanted === ONE || (wanted !== undefined && wanted === text[at])) {
      at += 1;
      token += 1;
    } else if (star >= 0) {
      token = star + 1;
      starAt += 1;
      at = starAt;
    } else return false;
  }
  while (tokens[token] === ANY) token += 1;
  return token === tokens.length;
}

const known = new WeakMap<Resolved, readonly (string | Wildcard)[]>();

function tokensOf(resolved: Resolved): readonly (string | Wildcard)[] {
  const before = known.get(resolved);
  if (before !== undefined) return before;
  const tokens = resolved.flatMap((part): readonly (string | Wildcard)[] =>
    typeof part === "string" ? part.split("") : [part],
  );
  known.set(resolved, tokens);
  return tokens;
}

/** `resolve` and `matches` in one: false for a variable without value. */
export function matchesIn(pattern: Pattern, text: string, context: Context): boolean {
  const resolved = resolve(pattern, context);
  return resolved !== undefined && matches(resolved, text);
}
