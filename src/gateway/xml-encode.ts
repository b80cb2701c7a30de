// Outputs to XML by their schemas (AWS Query and EC2 share the rules: names come from the schema's traits).
import type { Member, Shape, StructureShape } from "./shape.ts";

/** The elements of a structure's members, without an element around them. */
export function encodeMembers(shape: StructureShape, output: object): string {
  let out = "";
  for (const member of shape.members) {
    const item = (output as Record<string, unknown>)[member.name];
    if (item !== undefined && item !== null) out += encodeMember(member, item);
  }
  return out;
}

function encodeMember(member: Member, item: unknown): string {
  const name = member.xmlName ?? member.name;
  const shape = member.shape;
  if (shape.kind === "list" && member.flattened) return listItems(shape, item, name);
  if (shape.kind === "map" && member.flattened) return mapEntries(shape, item, name);
  return element(name, content(shape, item));
}

function content(shape: Shape, item: unknown): string {
  switch (shape.kind) {
    case "structure":
      return encodeMembers(shape, item as object);
    case "list":
      return listItems(shape, item, shape.item.xmlName ?? "member");
    case "map":
      return mapEntries(shape, item, "entry");
    case "timestamp":
      return timestamp(shape.format, item as Date);
    case "blob":
      return Buffer.from(item as Uint8Array).toString("base64");
    case "string":
    case "number":
    case "boolean":
    case "document":
      return escapeXml(String(item));
  }
}

const listItems = (shape: Extract<Shape, { kind: "list" }>, items: unknown, name: string): string =>
  (items as readonly unknown[])
    .filter((item) => item !== undefined && item !== null)
    .map((item) => element(name, content(shape.item.shape, item)))
    .join("");

function mapEntries(shape: Extract<Shape, { kind: "map" }>, item: unknown, name: string): string {
  let out = "";
  for (const [key, raw] of Object.entries(item as object)) {
    if (raw === undefined || raw === null) continue;
    const keyElement = element(shape.key.xmlName ?? "key", escapeXml(key));
    out += element(
      name,
      keyElement + element(shape.value.xmlName ?? "value", content(shape.value.shape, raw)),
    );
  }
  return out;
}

function timestamp(format: string, date: Date): string {
  if (format === "epoch") return String(date.getTime() / 1000);
  if (format === "http-date") return date.toUTCString();
  return date.toISOString();
}

export const element = (name: string, inner: string): string => `<${name}>${inner}</${name}>`;

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\r": "&#xD;",
  "\n": "&#xA;",
};

/** XML 1.0 has no way to write other control characters or lone surrogates: they become U+FFFD. */
export const escapeXml = (text: string): string =>
  text

    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replace(/[&<>"'\r\n]/g, (char) => escapes[char] ?? char);
