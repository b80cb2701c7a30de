// ARNs against ARNs with wildcards: each of the first five parts matches its own part only, the last may run over colons
// (IAM User Guide, "Resource" and "Amazon Resource Name (ARN) condition operators").
import { type Context, matches, type Pattern, type PatternSyntax, readPattern, resolve } from "./pattern.ts";

export interface ArnPattern {
  /** A single one for what is not written as an ARN: `*`, or a name without wildcards. */
  readonly segments: readonly Pattern[];
  readonly hasVariables: boolean;
}

export function readArnPattern(text: string, syntax: PatternSyntax): ArnPattern {
  const segments = splitArn(text, syntax.variables).map((part) => readPattern(part, syntax));
  return { segments, hasVariables: segments.some((segment) => segment.hasVariables) };
}

/** Undefined when a variable has no value. */
export function matchesArn(pattern: ArnPattern, text: string, context: Context): boolean | undefined {
  const { segments } = pattern;
  // `*` alone matches whatever there is, also what is no ARN.
  const parts = segments.length === 1 ? [text] : splitArn(text, false);
  let matched = parts.length === segments.length;
  for (const [index, segment] of segments.entries()) {
    const resolved = resolve(segment, context);
    if (resolved === undefined) return undefined;
    matched = matched && matches(resolved, parts[index] ?? "");
  }
  return matched;
}

/** Six parts, or the text whole. A colon inside of a variable's braces (`${aws:username}`) parts nothing. */
function splitArn(text: string, variables: boolean): string[] {
  if (!text.startsWith("arn:")) return [text];
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < text.length && parts.length < 5; at += 1) {
    if (variables && text.startsWith("${", at)) depth = 1;
    else if (text[at] === "}") depth = 0;
    else if (text[at] === ":" && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}
