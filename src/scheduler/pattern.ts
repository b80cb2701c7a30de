// Regular expressions of the query language's =~, which match a whole value. They come from callers and run on the server, so
// only patterns whose matching time stays small are taken: no quantifier over another, few unbounded ones, no look-around.

export class PatternError extends Error {
  override readonly name = "PatternError";
}

const MAXIMUM_UNBOUNDED = 3;

/** @throws PatternError when the pattern is malformed or not of the supported kind */
export function compilePattern(pattern: string): RegExp {
  let unbounded = 0;
  /** For each open group: whether it holds a quantifier. */
  const groups: boolean[] = [];
  let closedQuantified = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const c = pattern[at] as string;
    let closed = false;
    if (c === "\\") {
      if (/[1-9k]/.test(pattern[at + 1] ?? "")) throw new PatternError("back references are not supported");
      at += 1;
    } else if (c === "[") {
      at = endOfClass(pattern, at);
    } else if (c === "(") {
      if (pattern[at + 1] === "?" && pattern[at + 2] !== ":")
        throw new PatternError("look-around and named groups are not supported");
      if (pattern[at + 1] === "?") at += 2;
      groups.push(false);
    } else if (c === ")") {
      closedQuantified = groups.pop() ?? false;
      if (closedQuantified && groups.length > 0) groups[groups.length - 1] = true;
      closed = true;
    } else if (c === "*" || c === "+" || c === "?" || c === "{") {
      if (closedQuantified) throw new PatternError("a quantifier over another is not supported");
      if (c !== "?" && ++unbounded > MAXIMUM_UNBOUNDED)
        throw new PatternError(`more than ${MAXIMUM_UNBOUNDED} quantifiers are not supported`);
      if (groups.length > 0) groups[groups.length - 1] = true;
    }
    if (!closed) closedQuantified = false;
  }
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
