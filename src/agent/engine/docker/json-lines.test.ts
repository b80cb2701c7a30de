import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLines } from "./json-lines.ts";

async function read(chunks: readonly Buffer[]): Promise<unknown[]> {
  const lines: unknown[] = [];
  for await (const line of jsonLines(Readable.from(chunks))) lines.push(line);
  return lines;
}

describe("JSON by lines", () => {
  it("comes out whole however the bytes were cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.integer(), fc.constant(null))),
        fc.integer({ min: 1, max: 9 }),
        async (values, size) => {
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
          const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
            bytes.subarray(i * size, (i + 1) * size),
          );
          expect(await read(chunks)).toEqual(values);
        },
      ),
    );
  });

  it("may lack the last line's end and have empty lines and CRLF", async () => {
    expect(await read([Buffer.from('{"a":1}\r\n\r\n\n2\n3')])).toEqual([{ a: 1 }, 2, 3]);
  });

  it("refuses a line without end", async () => {
    const endless = Array.from({ length: 20 }, () => Buffer.alloc(100_000, 32));
    await expect(read(endless)).rejects.toThrow(/longer than/);
  });
});
