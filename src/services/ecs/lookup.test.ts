import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { clusterNameOf, idWithin } from "./lookup.ts";
import { page } from "./paging.ts";
import { asksForNothing } from "./refuse.ts";

const scope = { region: "us-east-1", account: "123456789012" };
const cluster = { name: "web", region: "us-east-1" } as ClusterRow;
const arn = (resource: string, where = "us-east-1:123456789012") => `arn:aws:ecs:${where}:${resource}`;
const message = (run: () => unknown): string => {
  try {
    return `answered ${String(run())}`;
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a cluster's name", () => {
  it.each([
    [undefined, "default"],
    ["", "default"],
    ["web", "web"],
    [arn("cluster/web"), "web"],
  ])("of %s is %s", (given, name) => {
    expect(clusterNameOf(scope, given)).toBe(name);
  });

  it.each([
    [arn("cluster/web", "eu-west-1:123456789012"), /Identifier is for eu-west-1\. Your region is us-east-1/],
    [arn("cluster/web", "us-east-1:999999999999"), /Identifier is for 999999999999\. Your accountId is/],
    [arn("service/web/x"), /is not the ARN of a cluster/],
    [arn("cluster/web/x"), /Unexpected number of separators/],
    [arn("cluster/"), /Unexpected number of separators/],
  ])("is not in %s", (given, words) => {
    expect(message(() => clusterNameOf(scope, given))).toMatch(words);
  });
});

describe("an id within a cluster", () => {
  it.each([["abc"], [arn("task/web/abc")]])("is in %s", (given) => {
    expect(idWithin("task", cluster, scope, given)).toBe("abc");
  });

  it.each([
    [arn("task/other/abc"), /Identifier is for other\. Your cluster is web/],
    [arn("task/abc"), /Unexpected number of separators/],
    [arn("container-instance/web/abc"), /is not the ARN of a task/],
    ["web/abc", /Unexpected number of separators/],
    ["", /Unexpected number of separators/],
  ])("is not in %s", (given, words) => {
    expect(message(() => idWithin("task", cluster, scope, given))).toMatch(words);
  });
});

describe("pages", () => {
  it("hold every row once and in order, whatever the size and the direction", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        fc.boolean(),
        (rows, maxResults, descending) => {
          const seen: string[] = [];
          let nextToken: string | undefined;
          do {
            const { items, more } = page(rows, (r) => r, ["q"], { maxResults, nextToken }, { descending });
            seen.push(...items);
            nextToken = more.nextToken;
          } while (nextToken !== undefined);
          const sorted = [...rows].sort((a, b) => (a < b ? -1 : 1));
          expect(seen).toEqual(descending ? sorted.reverse() : sorted);
        },
      ),
    );
  });

  it.each([0, 101, 1.5])("of %s rows are refused", (maxResults) => {
    expect(message(() => page([], String, ["q"], { maxResults }))).toBe(
      "maxResults must be between 1 and 100.",
    );
  });

  it.each(["", "x", "AAAA"])("after the made-up token '%s' are refused", (nextToken) => {
    expect(message(() => page([], String, ["q"], { nextToken }))).toBe("Invalid token.");
  });
});

it.each([
  [undefined, true],
  [false, true],
  [[], true],
  [{}, true],
  [{ a: undefined }, true],
  [0, false],
  ["", false],
  [true, false],
  [[0], false],
  [{ a: false }, false],
])("%j asks for nothing: %s", (value, expected) => {
  expect(asksForNothing(value)).toBe(expected);
});
