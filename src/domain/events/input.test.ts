import { describe, expect, it } from "vitest";
import type { EventEnvelope } from "./delivery.ts";
import { inputFor, readPath } from "./input.ts";

const event: EventEnvelope = {
  version: "0",
  id: "e-1",
  "detail-type": "Order",
  source: "shop",
  account: "123456789012",
  time: "2026-01-01T00:00:00Z",
  region: "eu-west-1",
  resources: [],
  detail: { id: 7, name: 'a "b"', items: [{ sku: "x" }], deep: { a: 1 } },
};
const rule = { arn: "arn:aws:events:eu-west-1:123456789012:rule/r", name: "r" };
const send = (input: Parameters<typeof inputFor>[0]) => inputFor(input, event, rule, "2026-01-01T00:00:01Z");
const transformed = (template: string, paths: Record<string, string> = {}) =>
  send({ kind: "transformer", paths, template });

describe("a target is sent", () => {
  it("the event, a constant, or a part of the event", () => {
    expect(JSON.parse(send(undefined))).toEqual(event);
    expect(send({ kind: "constant", text: '{"a":1}' })).toBe('{"a":1}');
    expect(send({ kind: "path", path: "$.detail.items[0].sku" })).toBe('"x"');
    expect(send({ kind: "path", path: "$['detail-type']" })).toBe('"Order"');
    expect(send({ kind: "path", path: "$.detail.none" })).toBe("{}");
  });

  it.each([
    ['{"id": <id>, "name": <name>}', '{"id": 7, "name": "a \\"b\\""}'],
    ['"order <id> of <name>"', '"order 7 of a \\"b\\""'],
    ['{"all": <deep>, "text": "<deep>"}', '{"all": {"a":1}, "text": "{\\"a\\":1}"}'],
    ['{"none": <none>, "text": "<none>"}', '{"none": "", "text": ""}'],
    ['"<b>bold</b> of <aws.events.rule-name>"', '"<b>bold</b> of r"'],
    ['{"at": <aws.events.event.ingestion-time>}', '{"at": "2026-01-01T00:00:01Z"}'],
    ['"a \\" <id>"', '"a \\" 7"'],
  ])("the template %s filled in", (template, expected) => {
    const paths = { id: "$.detail.id", name: "$.detail.name", deep: "$.detail.deep", none: "$.detail.none" };
    expect(transformed(template, paths)).toBe(expected);
  });

  it("the whole event with or without its detail", () => {
    const { detail: _, ...rest } = event;
    expect(JSON.parse(transformed("<aws.events.event.json>"))).toEqual(event);
    expect(JSON.parse(transformed("<aws.events.event>"))).toEqual(rest);
  });

  it("nothing of a value that looks like a placeholder", () => {
    const paths = { a: "$.detail.id", id: "$.source" };
    expect(transformed('"<a><id>"', paths)).toBe('"7shop"');
  });
});

it.each(["detail", "$.a..b", "$.a[*]", "$.a[x]", "$..a"])("%s is no path", (path) => {
  expect(readPath(path)).toBeUndefined();
});
