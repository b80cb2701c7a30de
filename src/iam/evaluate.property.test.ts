import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contextOf, evaluate, type ApplicablePolicies } from "./evaluate.ts";
import { parsePolicy } from "./parse.ts";
import { matchesIn, readPattern } from "./pattern.ts";
import type { Policy } from "./policy.ts";
import {
  asRegExp,
  policiesArbitrary,
  type PlainRequest,
  type PlainStatement,
  referenceDecision,
  requestArbitrary,
  statementArbitrary,
} from "./reference.suite.ts";

const read = (Statement: readonly PlainStatement[]): Policy =>
  parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }), "identity");
const caller = { type: "AWS", arn: "arn:aws:iam::1:user/ana", account: "1" } as const;

function decide(policies: Omit<ApplicablePolicies, "resource">, request: PlainRequest) {
  return evaluate(policies, {
    principal: caller,
    action: request.action,
    resources: [{ arn: request.resource }],
    context: contextOf(request.context),
  });
}
const said = (policies: Omit<ApplicablePolicies, "resource">, request: PlainRequest) => {
  const decision = decide(policies, request);
  return decision.allowed ? "allow" : decision.explicit ? "explicit deny" : "implicit deny";
};
const RUNS = { numRuns: 2000 };

describe("the evaluator", () => {
  it("decides as the slow and obvious one does", () => {
    fc.assert(
      fc.property(policiesArbitrary, requestArbitrary, (policies, request) => {
        expect(said({ identity: policies.map(read) }, request)).toBe(referenceDecision(policies, request));
      }),
      RUNS,
    );
  });

  it("allows with a boundary or session policies only what they allow, too", () => {
    fc.assert(
      fc.property(
        policiesArbitrary,
        policiesArbitrary,
        policiesArbitrary,
        requestArbitrary,
        (identity, boundary, session, request) => {
          const sets = { identity, boundary, session };
          const decisions = Object.values(sets).map((set) => referenceDecision(set, request));
          const expected = decisions.includes("explicit deny")
            ? "explicit deny"
            : decisions.every((decision) => decision === "allow")
              ? "allow"
              : "implicit deny";
          const read3 = {
            identity: identity.map(read),
            boundary: boundary.map(read),
            session: session.map(read),
          };
          expect(said(read3, request)).toBe(expected);
        },
      ),
      RUNS,
    );
  });

  it("never denies for an allow that is added, never allows for a deny", () => {
    fc.assert(
      fc.property(policiesArbitrary, statementArbitrary, requestArbitrary, (policies, added, request) => {
        const before = decide({ identity: policies.map(read) }, request).allowed;
        const after = decide({ identity: [...policies, [added]].map(read) }, request).allowed;
        if (added.Effect === "Allow") expect(after || !before).toBe(true);
        else expect(!after || before).toBe(true);
      }),
      RUNS,
    );
  });

  it("says the same in whatever order policies and statements stand", () => {
    fc.assert(
      fc.property(policiesArbitrary, requestArbitrary, (policies, request) => {
        const reversed = [...policies].reverse().map((statements) => [...statements].reverse());
        expect(said({ identity: reversed.map(read) }, request)).toBe(
          said({ identity: policies.map(read) }, request),
        );
      }),
      RUNS,
    );
  });

  it("allows several resources exactly when it allows each", () => {
    fc.assert(
      fc.property(
        policiesArbitrary,
        fc.array(requestArbitrary, { minLength: 1, maxLength: 3 }),
        (policies, requests) => {
          const [first] = requests;
          if (first === undefined) return;
          const identity = policies.map(read);
          const same = requests.map(({ resource }) => ({ ...first, resource }));
          const together = evaluate(
            { identity },
            {
              principal: caller,
              action: first.action,
              resources: same.map(({ resource }) => ({ arn: resource })),
              context: contextOf(first.context),
            },
          );
          expect(together.allowed).toBe(same.every((request) => decide({ identity }, request).allowed));
        },
      ),
      RUNS,
    );
  });
});

describe("wildcards", () => {
  const piece = fc.constantFrom("a", "b", "A", ":", "/", "*", "?", ".", "$", "\n", "ab");
  it("match what a regular expression of theirs matches", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.array(piece, { maxLength: 10 }), (pattern, text) => {
        const read = readPattern(pattern.join(""), { wildcards: true, variables: true });
        expect(matchesIn(read, text.join(""), new Map())).toBe(
          asRegExp(pattern.join("")).test(text.join("")),
        );
      }),
      { numRuns: 5000 },
    );
  });

  it("do not take exponential time", () => {
    const pattern = readPattern(`${"*a".repeat(200)}b`, { wildcards: true, variables: true });
    expect(matchesIn(pattern, "a".repeat(5000), new Map())).toBe(false);
  });
});
