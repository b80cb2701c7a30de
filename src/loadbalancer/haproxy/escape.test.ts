import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StructureRefused } from "../port.ts";
import {
  encodeForUri,
  escapeArgument,
  literalInFormat,
  safeAddress,
  safeMatcher,
  safeName,
  safeNumber,
} from "./escape.ts";

/** What HAProxy makes of an unquoted word: `\xNN` becomes the byte (configuration manual, "Quoting and escaping"). */
const asHaproxyReads = (word: string): Uint8Array =>
  Uint8Array.from(
    (word.match(/\\x[0-9a-f]{2}|[\s\S]/g) ?? []).map((part) =>
      part.length === 4 ? parseInt(part.slice(2), 16) : part.charCodeAt(0),
    ),
  );
const withoutNul = fc.string({ unit: "binary" }).filter((text) => text !== "" && !text.includes("\0"));

describe("escapeArgument", () => {
  it("makes one word of any text, which HAProxy reads back as the same bytes", () => {
    fc.assert(
      fc.property(withoutNul, (text) => {
        const word = escapeArgument(text);
        expect(word).toMatch(/^([A-Za-z0-9_.:/-]|\\x[0-9a-f]{2})+$/);
        expect(asHaproxyReads(word)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  it("quotes the empty text and refuses NUL", () => {
    expect(escapeArgument("")).toBe('""');
    expect(() => escapeArgument("a\0b")).toThrow(StructureRefused);
  });
});

describe("encodeForUri", () => {
  it("leaves nothing that could end a request line or a header", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(encodeForUri(text)).toMatch(/^[\x21-\x7e]*$/);
      }),
    );
  });
});

it("doubles every percent sign of a literal in a log format", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(literalInFormat(text).replaceAll("%%", "")).not.toContain("%");
    }),
  );
});

describe("names, addresses, matchers and numbers", () => {
  it("are refused when a character could leave its place", () => {
    const hostile = fc.string({ minLength: 1 }).filter((text) => !/^[A-Za-z0-9.,-]+$/.test(text));
    fc.assert(
      fc.property(hostile, (text) => {
        for (const safe of [safeName, safeAddress, safeMatcher])
          expect(() => safe(text)).toThrow(StructureRefused);
      }),
    );
  });

  it.each([[Number.NaN], [1.5], [0], [301], [Infinity]])("%s is no interval between 1 and 300", (value) => {
    expect(() => safeNumber(value, 1, 300)).toThrow(StructureRefused);
  });
});
