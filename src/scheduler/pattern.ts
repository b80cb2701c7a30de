// Regular expressions of the query language's =~, which match a whole value. They come from callers and run on the server, so
// only patterns whose matching time stays small are taken: no quantifier over another or over alternatives, few quantifiers, few
// ways through alternatives, no look-around.

export class PatternError extends Error {
  override readonly name = "PatternError";
}

const MAXIMUM_QUANTIFIERS = 3;
/** Ways through all alternatives together: those of groups that follow each other multiply. */
const MAXIMUM_WAYS = 32;

interface Group {
  /** It holds a quantifier or alternatives, so none may repeat it. */
  quantified: boolean;
  /** Its own alternatives. */
  ways: number;
}

/** @throws PatternError when the pattern is malformed or not of the supported kind */
export function compilePattern(pattern: string): RegExp {
  let quantifiers = 0;
  let ways = 1;
  const whole: Group = { quantified: false, ways: 1 };
  const open: Group[] = [];
  /** The group that ended just before this character. */
  let closed: Group | undefined;
  for (let at = 0; at < pattern.length; at += 1) {
    const c = pattern[at] as string;
    const before = closed;
    closed = undefined;
    if (c === "\\") {
      if (/[1-9k]/.test(pattern[at + 1] ?? "")) throw new PatternError("back references are not supported");
      at += 1;
    } else if (c === "[") {
      at = endOfClass(pattern, at);
    } else if (c === "(") {
      if (pattern[at + 1] === "?" && pattern[at + 2] !== ":")
        throw new PatternError("look-around and named groups are not supported");
      if (pattern[at + 1] === "?") at += 2;
      open.push({ quantified: false, ways: 1 });
    } else if (c === ")") {
      closed = open.pop() ?? whole;
      ways *= closed.ways;
      // Repeating alternatives that overlap, (a|aa)*, takes as long as repeating a repetition.
      if (closed.ways > 1) closed.quantified = true;
      if (closed.quantified) (open.at(-1) ?? whole).quantified = true;
    } else if (c === "|") {
      (open.at(-1) ?? whole).ways += 1;
    } else if (c === "*" || c === "+" || c === "?" || c === "{") {
      if (c !== "?" && before?.quantified === true)
        throw new PatternError("a quantifier over alternatives or another quantifier is not supported");
      quantifiers += 1;
      (open.at(-1) ?? whole).quantified = true;
    }
  }
  if (quantifiers > MAXIMUM_QUANTIFIERS)
    throw new PatternError(`more than ${MAXIMUM_QUANTIFIERS} quantifiers are not supported`);
  if (ways * whole.ways > MAXIMUM_WAYS)
    throw new PatternError(`more than ${MAXIMUM_WAYS} ways through its alternatives are not supported`);
  try {
    return new RegExp(`^(?:${pattern})$`, "s");
  } catch {
    throw new PatternError("malformed");
  }
}

function endOfClass(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at += 1) {
    if (pattern[at] === "\\") at += 1;
    else if (pattern[at] === "]") return at;
  }
  return pattern.length;
}
