// Checks that every member the schema requires is there, at any depth. Types were checked when the request was decoded.
import type { Member, Shape, StructureShape } from "./shape.ts";

type NameOf = (member: Member) => string;

/** The path, in the caller's names, of the first required member that is missing; undefined when all are there. */
export function missingMember(shape: StructureShape, input: unknown, nameOf: NameOf): string | undefined {
  return inStructure(shape, input as Record<string, unknown>, "", nameOf);
}

function inStructure(
  shape: StructureShape,
  item: Record<string, unknown>,
  path: string,
  nameOf: NameOf,
): string | undefined {
  for (const member of shape.members) {
    const at = path === "" ? nameOf(member) : `${path}.${nameOf(member)}`;
    const child = item[member.name];
    if (child === undefined) {
      if (member.required) return at;
      continue;
    }
    const missing = inside(member.shape, child, at, nameOf);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function inside(shape: Shape, item: unknown, path: string, nameOf: NameOf): string | undefined {
  if (shape.kind === "structure") return inStructure(shape, item as Record<string, unknown>, path, nameOf);
  if (shape.kind === "list" && hasStructure(shape.item.shape)) {
    return firstOf(
      (item as unknown[]).map(
        (child, i) => () => inside(shape.item.shape, child, `${path}.${i + 1}`, nameOf),
      ),
    );
  }
  if (shape.kind === "map" && hasStructure(shape.value.shape)) {
    const entries = Object.entries(item as object);
    return firstOf(
      entries.map(
        ([key, child]) =>
          () =>
            inside(shape.value.shape, child, `${path}.${key}`, nameOf),
      ),
    );
  }
  return undefined;
}

const hasStructure = (shape: Shape): boolean => ["structure", "list", "map"].includes(shape.kind);

function firstOf(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const found = check();
    if (found !== undefined) return found;
  }
  return undefined;
}
