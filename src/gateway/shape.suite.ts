// Arbitrary values of a schema's shape, for round trips against the SDK's own codecs. Tests only.
import fc from "fast-check";
import type { Shape, StructureShape } from "./shape.ts";

export interface ValueRules {
  readonly text: fc.Arbitrary<string>;
  /** A list without items cannot be told from an absent one in EC2 Query. */
  readonly emptyLists: boolean;
  readonly emptyStructures: boolean;
}

export function valueOf(
  shape: StructureShape,
  rules: ValueRules,
  depth = 5,
): fc.Arbitrary<Record<string, unknown>> {
  // At most eight members at a time: EC2's structures have up to a hundred.
  const chosen = fc.shuffledSubarray([...shape.members], { maxLength: Math.min(8, shape.members.length) });
  return chosen.chain((members) => {
    const values: Record<string, fc.Arbitrary<unknown>> = {};
    for (const member of shape.union ? members.slice(0, 1) : members) {
      const inner = value(member.shape, rules, depth - 1);
      if (inner !== undefined) values[member.name] = inner;
    }
    return fc.record(values).map((made) => (rules.emptyStructures ? made : withoutEmpty(made)));
  });
}

function value(shape: Shape, rules: ValueRules, depth: number): fc.Arbitrary<unknown> | undefined {
  switch (shape.kind) {
    case "structure":
      if (depth <= 0) return undefined;
      return valueOf(shape, rules, depth);
    case "list": {
      const item = depth <= 0 ? undefined : value(shape.item.shape, rules, depth - 1);
      return item && fc.array(item, { minLength: rules.emptyLists ? 0 : 1, maxLength: 3 });
    }
    case "map": {
      const item = depth <= 0 ? undefined : value(shape.value.shape, rules, depth - 1);
      return (
        item &&
        fc
          .dictionary(rules.text, item, { minKeys: rules.emptyLists ? 0 : 1, maxKeys: 3 })
          .map((made) => (rules.emptyStructures ? made : withoutEmpty(made)))
      );
    }
    case "string":
      return rules.text;
    case "boolean":
      return fc.boolean();
    case "number":
      return fc.oneof(fc.integer(), fc.maxSafeInteger());
    case "timestamp":
      return fc.integer({ min: 0, max: 4_000_000_000_000 }).map((ms) => new Date(ms - (ms % 1000)));
    case "blob":
      return fc.uint8Array({ minLength: 1, maxLength: 16 });
    case "document":
      return undefined;
  }
}

/** Structures without members cannot be told from absent ones in Query and XML: members, items and entries that are such go. */
function withoutEmpty(made: Record<string, unknown>): Record<string, unknown> {
  const isEmpty = (item: unknown) =>
    typeof item === "object" && item !== null && Object.keys(item).length === 0;
  const kept = Object.entries(made).flatMap(([name, item]): [string, unknown][] => {
    if (item instanceof Date || item instanceof Uint8Array) return [[name, item]];
    if (Array.isArray(item)) {
      const items = item.filter((i) => i instanceof Date || i instanceof Uint8Array || !isEmpty(i));
      return items.length === 0 ? [] : [[name, items]];
    }
    return isEmpty(item) ? [] : [[name, item]];
  });
  return Object.fromEntries(kept);
}
