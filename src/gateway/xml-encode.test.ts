import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as iam from "@aws-sdk/client-iam";
import { createShapes } from "./shape.ts";
import { encodeMembers, escapeXml } from "./xml-encode.ts";

describe("escapeXml", () => {
  it("leaves no character that XML 1.0 cannot carry, and none that is markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const escaped = escapeXml(text);
        expect(escaped).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|apos|#xD|#xA);)/);
        for (const char of escaped) expect(isXmlCharacter(char.codePointAt(0) ?? 0)).toBe(true);
      }),
    );
  });

  it("replaces lone surrogates and control characters, and keeps pairs, tabs and line ends", () => {
    expect(escapeXml("a\ud800b\u0000c😀\t\r\n]]>")).toBe("a\ufffdb\ufffdc😀\t&#xD;&#xA;]]&gt;");
  });
});

it("leaves out members that are not there and keeps empty lists and texts", () => {
  const output = createShapes(iam).operation("ListUsers")?.output;
  if (output === undefined) throw new Error("no such operation");
  expect(encodeMembers(output, { Users: [], Marker: "", IsTruncated: undefined, Unknown: 1 })).toBe(
    "<Users></Users><Marker></Marker>",
  );
});

/** The XML 1.0 specification's production Char. */
const isXmlCharacter = (code: number): boolean =>
  [0x9, 0xa, 0xd].includes(code) ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  code >= 0x10000;
