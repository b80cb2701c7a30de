// Which patterns are taken, and that none of those takes long whatever it is matched against.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern, PatternError } from "./pattern.ts";

describe("a pattern", () => {
  it.each<[string, string, boolean]>([
    ["t3.*", "t3.small", true],
    ["t3", "t3.small", false],
    ["(t2|t3)\\..*", "t3.small", true],
    ["(m5|c5)\\.(large|xlarge)", "c5.xlarge", true],
    ["[a-z]+-[0-9]{1,3}", "web-12", true],
    ["(blue|green)?", "", true],
    ["(prod-)?web", "prod-web", true],
    ["a\\|b", "a|b", true],
    ["[|*+?{]", "*", true],
    ["a|b", "b", true],
  ])("%s is taken: of %j it says %s", (pattern, text, expected) => {
    expect(compilePattern(pattern).test(text)).toBe(expected);
  });

  it.each([
    "(a+)+",
    "(a|a)*b",
    "(a|aa)+b",
    "((a|a))*b",
    "(?:a|b|ab)*c",
    "(a|a){1,200}b",
    "(x(a|a)y)+",
    "a*a*a*a*",
    `${"a?".repeat(30)}${"a".repeat(30)}`,
    `${"(a|a)".repeat(30)}b`,
    "(?=a)b",
    "(a)\\1",
    "a(",
  ])("%s is refused", (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(PatternError);
  });

  it("that is taken is matched in a moment, also against the worst text", () => {
    const piece = fc.constantFrom(
      "a",
      "b",
      "|",
      "(",
      ")",
      "*",
      "+",
      "?",
      "{1,9}",
      ".",
      "[ab]",
      "(?:",
      "\\w",
      "aa",
    );
    const texts = ["a".repeat(128), `${"a".repeat(127)}b`, "ab".repeat(64)];
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        let taken: RegExp;
        try {
          taken = compilePattern(pieces.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(PatternError);
          return;
        }
        const started = performance.now();
        for (const text of texts) taken.test(text);
        expect(performance.now() - started).toBeLessThan(1000);
      }),
      { numRuns: 3000 },
    );
  });
});
