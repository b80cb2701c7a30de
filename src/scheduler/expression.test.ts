import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "./evaluate.ts";
import { type Comparison, type Expression, ExpressionError, parseExpression } from "./expression.ts";
import { instance } from "./fixture.suite.ts";

const subject = instance("a", {
  ec2InstanceId: "i-1",
  agentVersion: "1.102.1",
  registeredAt: Date.UTC(2026, 0, 1),
  attributes: new Map([
    ["ecs.availability-zone", "us-east-1a"],
    ["ecs.instance-type", "t3.medium"],
    ["stack", "prod"],
    ["gpu", ""],
  ]),
  groups: new Map([
    ["service:web", 2],
    ["family:job", 1],
    ["service:gone", 0],
  ]),
});
const holds = (text: string) => compile(parseExpression(text))(subject);

describe("the cluster query language", () => {
  it.each([
    ["attribute:ecs.instance-type == t3.medium", true],
    ["attribute:ecs.instance-type equals 't3.medium'", true],
    ["attribute:ecs.instance-type != t3.medium", false],
    ["attribute:ecs.instance-type =~ t3.*", true],
    ["attribute:ecs.instance-type =~ t3", false],
    ["attribute:ecs.instance-type !~ t2.*", true],
    ["attribute:ecs.instance-type matches (t2|t3)\\..*", undefined],
    ['attribute:ecs.instance-type matches "(t2|t3)\\..*"', true],
    ["attribute:ecs.instance-type in [t3.small, t3.medium]", true],
    ["attribute:ecs.instance-type in ['t2.small','t2.medium']", false],
    ["attribute:ecs.instance-type not_in [t2.small]", true],
    ["attribute:ecs.instance-type !in [t3.medium]", false],
    ["attribute:stack exists", true],
    ["attribute:gpu exists", true],
    ["attribute:none exists", false],
    ["attribute:none !exists", true],
    ["attribute:stack not_exists", false],
    ["attribute:none == x", false],
    ["attribute:none != x", true],
    ["task:group == service:web", true],
    ["task:group == service:gone", false],
    ["task:group != service:web", false],
    ["task:group in [service:x, family:job]", true],
    ["ec2InstanceId in ['i-1','i-2']", true],
    ["agentConnected == true", true],
    ["agentVersion > 1.99.0", true],
    ["agentVersion <= 1.102.1", true],
    ["agentVersion < 1.102", false],
    ["runningTasksCount == 3", true],
    ["runningTasksCount less_than 3", false],
    ["registeredAt >= 2025-12-31", true],
    ["attribute:stack == prod and attribute:ecs.instance-type =~ m.*", false],
    ["attribute:stack == dev or attribute:stack == prod and agentConnected == true", true],
    ["(attribute:stack == dev or attribute:stack == prod) && agentConnected == false", false],
    ["not (attribute:stack == dev)", true],
    ["!(attribute:stack == prod) || agentConnected == true", true],
  ])("%s → %s", (text, expected) => {
    if (expected === undefined) expect(() => parseExpression(text)).toThrow(ExpressionError);
    else expect(holds(text)).toBe(expected);
  });

  it.each([
    "",
    "attribute:",
    "attribute:x",
    "attribute:x ==",
    "attribute:x == y z",
    "stack == prod",
    "attribute:x in []",
    "attribute:x in [a",
    "attribute:x ! == a",
    "(attribute:x == a",
    "attribute:x == 'a",
    "attribute:x =~ 'a('",
    "attribute:x =~ '(a+)+'",
    "attribute:x =~ '((a*)b)*'",
    "attribute:x =~ a*a*a*a*",
    "attribute:x =~ '(?=a)b'",
    "attribute:x constructor y",
    `${"not ".repeat(100)}attribute:x exists`,
    `attribute:x == ${"a".repeat(2000)}`,
  ])("refuses %j", (text) => {
    expect(() => parseExpression(text)).toThrow(ExpressionError);
  });

  const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,12}$/);
  const anySubject = fc.oneof(
    word.map((w) => `attribute:${w}`),
    fc.constantFrom("task:group", "ec2InstanceId", "agentVersion"),
  );
  const comparisons: readonly Comparison[] = ["==", "!=", "<", "<=", ">", ">="];
  const leaf: fc.Arbitrary<Expression> = fc.oneof(
    anySubject.map((subject): Expression => ({ op: "exists", subject })),
    fc
      .tuple(
        fc.constantFrom(...comparisons),
        anySubject,
        fc.oneof(word, fc.constantFrom("and", "or", "in", "exists", "a b", "]", "")),
      )
      .map(([op, subject, value]): Expression => ({ op, subject, value })),
    fc
      .tuple(anySubject, fc.array(word, { minLength: 1, maxLength: 3 }))
      .map(([subject, values]): Expression => ({ op: "in", subject, values })),
  );
  const combined = (depth: number): fc.Arbitrary<Expression> =>
    depth === 0
      ? leaf
      : fc.oneof(
          leaf,
          combined(depth - 1).map((operand): Expression => ({ op: "not", operand })),
          fc
            .tuple(fc.constantFrom("and", "or"), combined(depth - 1), combined(depth - 1))
            .map(([op, left, right]): Expression => ({ op, left, right })),
        );
  const expression = combined(4);
  const quote = (text: string) => `'${text}'`;
  const print = (e: Expression): string => {
    switch (e.op) {
      case "and":
      case "or":
        return `(${print(e.left)}) ${e.op} (${print(e.right)})`;
      case "not":
        return `not (${print(e.operand)})`;
      case "exists":
        return `${e.subject} exists`;
      case "in":
        return `${e.subject} in [${e.values.map(quote).join(",")}]`;
      case "matches":
        return `${e.subject} =~ ${quote(e.pattern)}`;
      default:
        return `${e.subject} ${e.op} ${quote(e.value)}`;
    }
  };

  it("reads back what was printed", () => {
    fc.assert(
      fc.property(expression, (e) => {
        const text = print(e);
        fc.pre(text.length <= 2000);
        expect(parseExpression(text)).toEqual(e);
      }),
    );
  });
  it("either reads any text or refuses it with an ExpressionError, and evaluates what it read", () => {
    const fragments = fc.array(
      fc.oneof(
        fc.constantFrom(
          "attribute:x",
          "task:group",
          "==",
          "in",
          "[",
          "]",
          "(",
          ")",
          "not",
          "!",
          "and",
          "=~",
          "*",
        ),
        fc.string({ maxLength: 4 }),
      ),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(fragments, (parts) => {
        try {
          expect(typeof holds(parts.join(" "))).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
      { numRuns: 500 },
    );
  });
  it("obeys the laws of logic", () => {
    fc.assert(
      fc.property(expression, expression, (a, b) => {
        const value = (e: Expression) => compile(e)(subject);
        expect(value({ op: "and", left: a, right: b })).toBe(value(a) && value(b));
        expect(value({ op: "not", operand: { op: "not", operand: a } })).toBe(value(a));
      }),
    );
  });
});
