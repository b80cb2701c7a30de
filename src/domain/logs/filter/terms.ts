// Patterns of terms, for messages without structure: all of `a b`, not `-c`, one of `?d ?e`.
import { BadPattern } from "./bad-pattern.ts";
import type { Filter } from "./filter.ts";
import { PatternReader } from "./reader.ts";
import { compileRegex, type TextMatcher } from "./regex.ts";

const TERM = /[\p{L}\p{N}_]+(?!\S)/u;

/** @throws BadPattern */
export function parseTerms(pattern: string): Filter {
  const reader = new PatternReader(pattern);
  const required: TextMatcher[] = [];
  const excluded: TextMatcher[] = [];
  const optional: TextMatcher[] = [];
  while (!reader.atEnd) {
    const sign = reader.take(/[-?]/);
    const into = sign === "-" ? excluded : sign === "?" ? optional : required;
    into.push(term(reader));
  }
  // As AWS documents it: terms with ? count for nothing beside others.
  const isChoice = required.length === 0 && excluded.length === 0 && optional.length > 0;
  return {
    matches: isChoice
      ? (message) => optional.some((m) => m(message))
      : (message) => required.every((m) => m(message)) && !excluded.some((m) => m(message)),
    extract: () => ({}),
  };
}

function term(reader: PatternReader): TextMatcher {
  const word = /^[^\s"%]\S*/.exec(reader.rest)?.[0];
  if (word !== undefined && !/^[\p{L}\p{N}_]+$/u.test(word))
    throw new BadPattern(`Invalid character(s) in term '${word}'`);
  const { kind, text } = reader.operand(TERM);
  return kind === "regex" ? compileRegex(text) : (message) => message.includes(text);
}
