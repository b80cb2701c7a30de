// The filter pattern language: AWS's own examples, and properties that hold for any pattern and message.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadPattern } from "./bad-pattern.ts";
import { compileGlob } from "./comparison.ts";
import { parseFilterPattern } from "./filter-pattern.ts";
import { compileRegex } from "./regex.ts";

const matches = (pattern: string, message: string) => parseFilterPattern(pattern).matches(message);

describe("a pattern of terms", () => {
  it.each<[string, string, boolean]>([
    ["", "anything", true],
    ["ERROR", "[ERROR 400] BAD REQUEST", true],
    ["ERROR", "[error 400] BAD REQUEST", false],
    ["ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true],
    ["ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", false],
    ["?ERROR ?ARGUMENTS", "[ERROR 400] BAD REQUEST", true],
    ["?ERROR ?ARGUMENTS", "[WARN] nothing", false],
    ["?ERROR ARGUMENTS", "MISSING ARGUMENTS", true],
    ['"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", true],
    ['"say \\"hi\\""', 'they say "hi" to all', true],
    ["ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false],
    ["ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", true],
    ["-healthz", "GET /healthz", false],
    ['-"GET /healthz"', "GET /", true],
    ["%ERROR [45][0-9]{2}%", "[ERROR 503] down", true],
    ["%ERROR [45][0-9]{2}%", "[ERROR 303] see other", false],
  ])("%s on %j: %s", (pattern, message, expected) => {
    expect(matches(pattern, message)).toBe(expected);
  });

  it("refuses characters that a term without quotes may not have", () => {
    expect(() => parseFilterPattern("user@example.com")).toThrow(
      "Invalid character(s) in term 'user@example.com'",
    );
  });
});

describe("a pattern of fields", () => {
  const line = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';
  const names = "ip, user, username, timestamp, request";

  it.each<[string, boolean]>([
    [`[${names}, status_code, bytes]`, true],
    [`[${names} = *html*, status_code = 4*, bytes]`, true],
    [`[${names}, status_code = 4*, bytes > 1000]`, true],
    [`[${names}, status_code = 4*, bytes > 2000]`, false],
    [`[${names}, status_code = 404 || status_code = 410, bytes]`, true],
    [`[${names}, status_code >= 400 && status_code < 500, bytes]`, true],
    [`[${names}, status_code != 404, bytes]`, false],
    [`[${names}, status_code = %4[0-9]{2}%, bytes]`, true],
    ["[..., status_code = 404, bytes]", true],
    ["[ip = 127.0.0.*, ...]", true],
    ['[ip, user, username = "frank", ...]', true],
    ["[ip, user]", false],
  ])("%s: %s", (pattern, expected) => {
    expect(matches(pattern, line)).toBe(expected);
  });

  it("extracts what stands at each name", () => {
    expect(parseFilterPattern("[ip, , ..., status, bytes]").extract(line)).toEqual({
      $ip: "127.0.0.1",
      $2: "Prod",
      $status: "404",
      $bytes: "1534",
    });
  });
});

describe("a pattern of JSON", () => {
  const message = JSON.stringify({
    eventType: "UpdateTrail",
    sourceIPAddress: "111.111.111.111",
    arrayKey: ["value", "another"],
    objectList: [
      { name: "a", id: 1 },
      { name: "b", id: 2 },
    ],
    SomeObject: null,
    ThisFlag: true,
    errorCode: 404,
    latency: 1.5e-3,
    "dotted.key": "x",
    user: { email: "John.Stiles@example.com", id: 1 },
  });

  it.each<[string, boolean]>([
    ['{ $.eventType = "UpdateTrail" }', true],
    ["{ $.eventType = UpdateTrail }", true],
    ["{$.eventType=Update*}", true],
    ['{ $.eventType = "Other" }', false],
    ["{ $.sourceIPAddress != 123.123.* }", true],
    ['{ $.arrayKey[0] = "value" }', true],
    ['{ $.arrayKey[2] = "value" }', false],
    ["{ $.objectList[1].id = 2 }", true],
    ["{ $.objectList[*].id = 2 }", true],
    ["{ $.objectList[*].id = 3 }", false],
    ["{ $.SomeObject IS NULL }", true],
    ["{ $.user IS NULL }", false],
    ["{ $.SomeOtherObject NOT EXISTS }", true],
    ["{ $.SomeObject NOT EXISTS }", false],
    ["{ $.ThisFlag IS TRUE }", true],
    ["{ $.ThisFlag IS FALSE }", false],
    ["{ $.errorCode >= 400 && $.errorCode < 500 }", true],
    ["{ $.errorCode = 4e2 }", false],
    ["{ $.errorCode = 4.04e2 }", true],
    ["{ $.errorCode = 4* }", true],
    ["{ $.latency < 0.01 }", true],
    ["{ $.eventType = %Trail$% }", true],
    ['{ $["dotted.key"] = x }', true],
    ['{ ($.user.id = 1) && ($.user.email = "John.*") }', true],
    ["{ $.user.id = 2 || $.errorCode = 404 && $.ThisFlag IS TRUE }", true],
    ["{ ($.user.id = 2 || $.errorCode = 404) && $.ThisFlag IS FALSE }", false],
    ["{ $.missing != 1 }", false],
    ['{ $.__proto__.x = "y" }', false],
  ])("%s: %s", (pattern, expected) => {
    expect(matches(pattern, message)).toBe(expected);
  });

  it("matches no message that is not JSON", () => {
    expect(matches("{ $.a NOT EXISTS }", "plain text")).toBe(false);
    expect(matches("{ $.a NOT EXISTS }", "{ broken")).toBe(false);
  });

  it("extracts what its selectors find", () => {
    expect(
      parseFilterPattern("{ $.eventType = * && $.errorCode > 1 && $.x NOT EXISTS }").extract(message),
    ).toEqual({ "$.eventType": "UpdateTrail", "$.errorCode": "404" });
  });
});

describe("what is no pattern", () => {
  it.each([
    "{ $.a }",
    "{ $.a = }",
    "{ $.a = 1",
    "[a, b",
    "[a b]",
    "%(a)%",
    "%[a%",
    "%a{3,1}%",
    "{ $.a > x }",
    '"open',
    "{ $.a = 1 } x",
    "[a, ..., b, ...]",
    "%a{999}{999}%",
    "%*%",
  ])("%s is refused", (pattern) => {
    expect(() => parseFilterPattern(pattern)).toThrow(BadPattern);
  });

  it("is refused in words, whatever the text, and a pattern that is taken judges any message", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      "$.a",
      "=",
      "!=",
      "&&",
      "||",
      "(",
      ")",
      '"',
      "%",
      "...",
      ",",
      "-",
      "?",
      "a",
      "IS NULL",
      " ",
      "*",
      "\\",
      "4",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((p) => p.join("")),
        ),
        fc.string(),
        (pattern, message) => {
          try {
            expect(typeof parseFilterPattern(pattern).matches(message)).toBe("boolean");
          } catch (error) {
            expect(error).toBeInstanceOf(BadPattern);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("properties", () => {
  it("a quoted term matches exactly the messages that contain it", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", '"', "\\", " ") }).filter((t) => t !== "");
    fc.assert(
      fc.property(text, text, (term, message) => {
        const quoted = `"${term.replace(/["\\]/g, "\\$&")}"`;
        expect(matches(quoted, message)).toBe(message.includes(term));
        expect(matches(`-${quoted}`, message)).toBe(!message.includes(term));
      }),
    );
  });

  it("a regular expression matches what JavaScript's own would", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\.", "[a-c1]");
    const quantifier = fc.constantFrom("", "", "?", "*", "+", "{2}", "{1,3}", "{0,2}", "{2,}");
    const sequence = fc.array(fc.tuple(atom, quantifier), { minLength: 1, maxLength: 5 });
    const anchored = fc
      .tuple(fc.constantFrom("", "^"), sequence, fc.constantFrom("", "$"))
      .map(([start, parts, end]) => start + parts.flat().join("") + end);
    const source = fc.array(anchored, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("|"));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "1", ".", "é"), maxLength: 12 });
    fc.assert(
      fc.property(source, text, (expression, message) => {
        expect(compileRegex(expression)(message)).toBe(new RegExp(expression, "u").test(message));
      }),
      { numRuns: 2000 },
    );
  });

  it("a wildcard matches what a regular expression with .* in its place would", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*") });
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom("a", "b") }), (glob, text) => {
        expect(compileGlob(glob)(text)).toBe(new RegExp(`^${glob.replaceAll("*", ".*")}$`).test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("an expression that would drive a backtracking matcher mad is judged at once", () => {
    expect(compileRegex("a*a*a*a*a*a*a*a*b$")("a".repeat(5000))).toBe(false);
  });
});
