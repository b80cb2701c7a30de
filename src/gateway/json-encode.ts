// An operation's output to JSON by its schema: what the schema does not know is not sent.
import type { Shape, StructureShape } from "./shape.ts";

export const encodeJson = (shape: StructureShape, output: object): string =>
  JSON.stringify(plain(shape, output));

function plain(shape: Shape, item: unknown): unknown {
  switch (shape.kind) {
    case "structure": {
      const out: Record<string, unknown> = {};
      for (const member of shape.members) {
        const raw = (item as Record<string, unknown>)[member.name];
        if (raw !== undefined && raw !== null) out[member.name] = plain(member.shape, raw);
      }
      return out;
    }
    case "list":
      return (item as readonly unknown[])
        .filter((i) => i !== undefined && i !== null)
        .map((i) => plain(shape.item.shape, i));
    case "map": {
      const entries = Object.entries(item as object).filter(([, v]) => v !== undefined && v !== null);
      return Object.fromEntries(entries.map(([k, v]) => [k, plain(shape.value.shape, v)]));
    }
    case "timestamp":
      return timestamp(shape.format, item as Date);
    case "blob":
      return Buffer.from(item as Uint8Array).toString("base64");
    case "number":
      return Number.isFinite(item) || typeof item !== "number" ? item : String(item);
    case "string":
    case "boolean":
    case "document":
      return item;
  }
}

function timestamp(format: string, date: Date): number | string {
  if (format === "date-time") return date.toISOString();
  if (format === "http-date") return date.toUTCString();
  return date.getTime() / 1000;
}
