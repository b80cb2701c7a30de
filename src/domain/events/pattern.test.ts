import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "./json.ts";
import { InvalidPattern } from "./pattern-operators.ts";
import { readPattern } from "./pattern.ts";

const matches = (pattern: Json, event: Json) => readPattern(JSON.stringify(pattern))(event);
const task = {
  source: "aws.ecs",
  "detail-type": "ECS Task State Change",
  detail: {
    lastStatus: "STOPPED",
    version: 5,
    ratio: 1.5,
    address: "10.64.3.9",
    empty: "",
    nothing: null,
    flag: true,
    containers: [
      { name: "app", exitCode: 137 },
      { name: "proxy", exitCode: 0 },
    ],
    groups: ["blue", "green"],
  },
};

describe("a pattern", () => {
  it.each<[string, Json, boolean]>([
    ["one of the values", { source: ["aws.ec2", "aws.ecs"] }, true],
    ["no value", { source: ["aws.ec2"] }, false],
    ["every member", { source: ["aws.ecs"], detail: { lastStatus: ["RUNNING"] } }, false],
    ["a number, however it is written", { detail: { version: [5.0] } }, true],
    ["a number is no text", { detail: { version: ["5"] } }, false],
    ["null", { detail: { nothing: [null] } }, true],
    ["the empty text", { detail: { empty: [""] } }, true],
    ["true", { detail: { flag: [true] } }, true],
    ["an item of a list", { detail: { groups: ["green"] } }, true],
    ["prefix", { detail: { lastStatus: [{ prefix: "STO" }] } }, true],
    ["prefix in any case", { detail: { lastStatus: [{ prefix: { "equals-ignore-case": "sto" } }] } }, true],
    ["suffix", { "detail-type": [{ suffix: "Change" }] }, true],
    ["suffix that is none", { "detail-type": [{ suffix: "change" }] }, false],
    ["equals-ignore-case", { detail: { lastStatus: [{ "equals-ignore-case": "stopped" }] } }, true],
    ["wildcard", { "detail-type": [{ wildcard: "ECS * State*" }] }, true],
    ["wildcard without room", { source: [{ wildcard: "aws.ecs*ecs" }] }, false],
    ["anything-but", { detail: { lastStatus: [{ "anything-but": "RUNNING" }] } }, true],
    ["anything-but a list", { detail: { lastStatus: [{ "anything-but": ["RUNNING", "STOPPED"] }] } }, false],
    ["anything-but a number", { detail: { version: [{ "anything-but": 5 }] } }, false],
    ["anything-but a prefix", { detail: { lastStatus: [{ "anything-but": { prefix: "STO" } }] } }, false],
    ["anything-but a wildcard", { source: [{ "anything-but": { wildcard: "*ec2" } }] }, true],
    ["anything-but needs a value", { detail: { absent: [{ "anything-but": "x" }] } }, false],
    ["numeric", { detail: { version: [{ numeric: [">", 0, "<=", 5] }] } }, true],
    ["numeric =", { detail: { ratio: [{ numeric: ["=", 1.5] }] } }, true],
    ["numeric outside", { detail: { version: [{ numeric: ["<", 5] }] } }, false],
    ["cidr", { detail: { address: [{ cidr: "10.64.0.0/16" }] } }, true],
    ["cidr outside", { detail: { address: [{ cidr: "10.65.0.0/16" }] } }, false],
    ["exists", { detail: { version: [{ exists: true }] } }, true],
    ["exists false", { detail: { absent: [{ exists: false }] } }, true],
    ["exists false of what is there", { detail: { version: [{ exists: false }] } }, false],
    ["an object has no value", { detail: [{ exists: true }] }, false],
    ["$or", { $or: [{ source: ["x"] }, { detail: { lastStatus: ["STOPPED"] } }] }, true],
    ["$or of nothing", { detail: { $or: [{ lastStatus: ["x"] }, { version: [6] }] } }, false],
    ["one item of a list of objects", { detail: { containers: { name: ["app"], exitCode: [137] } } }, true],
    ["items that are mixed", { detail: { containers: { name: ["app"], exitCode: [0] } } }, false],
    ["no inherited member", { detail: { constructor: [{ exists: true }] } }, false],
  ])("matches by %s", (_, pattern, expected) => {
    expect(matches(pattern, task)).toBe(expected);
  });

  it.each<[string, string]>([
    ["{", "Filter is not valid JSON"],
    ["[]", "Filter is not an object"],
    ["{}", "Empty objects are not allowed"],
    ['{"source":"aws.ecs"}', '"source" must be an object or an array'],
    ['{"source":[]}', "Empty arrays are not allowed"],
    ['{"source":[["a"]]}', "Arrays inside of arrays are not allowed"],
    ['{"source":[{"like":"a"}]}', "Unrecognized match type like"],
    ['{"source":[{"prefix":"a","suffix":"b"}]}', "Only one key allowed in match expression"],
    ['{"source":[{"prefix":1}]}', "prefix match pattern must be a string"],
    ['{"source":[{"wildcard":"a**"}]}', "Consecutive wildcard characters are not allowed"],
    ['{"source":[{"numeric":["~",1]}]}', "Unrecognized numeric range operator"],
    ['{"source":[{"numeric":[">",5,"<",1]}]}', "Bottom must be less than top"],
    ['{"source":[{"numeric":["<",6e9]}]}', "Value must be between -5000000000 and 5000000000, inclusive"],
    ['{"source":[{"cidr":"10.0.0.0"}]}', "Malformed CIDR, one '/' required"],
    ['{"source":[{"exists":"yes"}]}', "exists match pattern must be either true or false."],
    ['{"$or":[{"source":["a"]}]}', "There must have at least 2 Objects in $or relationship"],
    [
      '{"source":[{"anything-but":[1,"a"]}]}',
      "Inside anything but list, start|null|boolean is not supported",
    ],
  ])("%s is refused", (text, reason) => {
    expect(() => readPattern(text)).toThrow(new InvalidPattern(reason));
  });

  it("that makes too many combinations is refused", () => {
    const or = Array.from({ length: 32 }, (_, i) => ({ source: [String(i)] }));
    const pattern = { a: { $or: or }, b: { $or: or } };
    expect(() => matches(pattern, {})).toThrow("$or makes more than 1000 combinations");
  });
});

const leaf = fc.oneof(fc.string({ maxLength: 6 }), fc.integer(), fc.boolean(), fc.constant(null));
const name = fc.constantFrom("a", "b", "c", "detail", "__proto__x");
const event = fc.letrec<{ object: Json; value: Json }>((tie) => ({
  object: fc.dictionary(name, tie("value"), { minKeys: 1, maxKeys: 3 }),
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(leaf, { minLength: 1, maxLength: 3 }),
    tie("object"),
  ),
})).object;

/** The pattern that asks for exactly what an event has. */
function patternOf(value: Json): Json {
  if (Array.isArray(value)) return value as Json;
  if (typeof value !== "object" || value === null) return [value];
  return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, patternOf(inside)]));
}

describe("whatever the event", () => {
  it("the pattern of its own values matches it, and with one more member does not", () => {
    fc.assert(
      fc.property(event, (given) => {
        const pattern = patternOf(given) as { readonly [name: string]: Json };
        expect(matches(pattern, given)).toBe(true);
        expect(matches({ ...pattern, another: ["x"] }, given)).toBe(false);
        expect(matches({ ...pattern, another: [{ exists: false }] }, given)).toBe(true);
        expect(matches({ $or: [{ another: ["x"] }, pattern] }, given)).toBe(true);
      }),
    );
  });

  it("one of: a value, or anything but it", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), (value, asked) => {
        const exact = matches({ a: [asked] }, { a: value });
        expect(matches({ a: [{ "anything-but": asked }] }, { a: value })).toBe(!exact);
      }),
    );
  });

  it("a wildcard matches what the regular expression matches", () => {
    const text = fc.array(fc.constantFrom("a", "b", "*", "\\"), { maxLength: 8 }).map((c) => c.join(""));
    fc.assert(
      fc.property(
        text,
        fc.array(fc.constantFrom("a", "b", "c"), { minLength: 0, maxLength: 5 }),
        (value, parts) => {
          const pattern = parts.map((part) => (part === "c" ? "*" : part)).join("");
          fc.pre(!pattern.includes("**"));
          const expression = new RegExp(`^${pattern.replaceAll("*", "[^]*")}$`);
          expect(matches({ x: [{ wildcard: pattern }] }, { x: value })).toBe(expression.test(value));
          const escaped = value.replace(/[\\*]/g, "\\$&");
          expect(matches({ x: [{ wildcard: escaped }] }, { x: value })).toBe(true);
        },
      ),
    );
  });

  it("any JSON is a pattern or refused as one", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (pattern, value) => {
        try {
          expect(typeof matches(pattern as Json, value as Json)).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidPattern);
        }
      }),
    );
  });
});
