// Values of a filter: `*` is any text, `?` any one character, a backslash makes them literal. Patterns come from callers, so
// matching never takes more than pattern times text, which a regular expression with several `*` would.

const ANY_TEXT = Symbol("*");
const ANY_CHARACTER = Symbol("?");
type Token = string | typeof ANY_TEXT | typeof ANY_CHARACTER;

/** The pattern as a test of a whole text. Case counts, as on EC2. */
export function wildcard(pattern: string): (text: string) => boolean {
  if (!/[*?\\]/.test(pattern)) return (text) => text === pattern;
  const tokens = tokensOf(pattern);
  return (text) => matches(tokens, [...text]);
}

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    const c = characters[at] ?? "";
    const next = characters[at + 1];
    if (c === "\\" && next !== undefined && ["*", "?", "\\"].includes(next)) {
      tokens.push(next);
      at += 1;
    } else tokens.push(c === "*" ? ANY_TEXT : c === "?" ? ANY_CHARACTER : c);
  }
  return tokens;
}

/** Greedy from the left: only the last `*` seen ever has to take one character more. */
function matches(tokens: readonly Token[], text: readonly string[]): boolean {
  let at = 0;
  let token = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    if (tokens[token] === ANY_TEXT) {
      star = token;
      resume = at;
      token += 1;
    } else if (tokens[token] === ANY_CHARACTER || tokens[token] === text[at]) {
      token += 1;
      at += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      token = star + 1;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === ANY_TEXT);
}
