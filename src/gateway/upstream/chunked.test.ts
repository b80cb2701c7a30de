import { createHash, createHmac } from "node:crypto";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256Hex, signingKeyOf } from "#lib/sigv4-canonical.ts";
import { checkedBody } from "./body.ts";
import { decodeChunked, type ChunkedOptions } from "./chunked.ts";

const scope = { date: "20260101", region: "eu-west-1", service: "s3" };
const signing = {
  signingKey: signingKeyOf("secret", scope),
  seed: "0".repeat(64),
  amzDate: "20260101T000000Z",
  scope: "20260101/eu-west-1/s3/aws4_request",
};

/** As a client signs its chunks, the last one empty. */
function signedChunks(chunks: readonly Buffer[]): Buffer {
  let previous = signing.seed;
  return Buffer.concat(
    [...chunks, Buffer.alloc(0)].map((chunk) => {
      const text = [
        "AWS4-HMAC-SHA256-PAYLOAD",
        signing.amzDate,
        signing.scope,
        previous,
        sha256Hex(""),
        sha256Hex(chunk),
      ];
      previous = createHmac("sha256", signing.signingKey).update(text.join("\n")).digest("hex");
      return Buffer.concat([
        Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`),
        chunk,
        Buffer.from("\r\n"),
      ]);
    }),
  );
}
const plainChunks = (chunks: readonly Buffer[], trailer: string) =>
  Buffer.concat([
    ...chunks.map((chunk) =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]),
    ),
    Buffer.from(`0\r\n${trailer}\r\n`),
  ]);

/** Cut anywhere, as a network does. */
const pieces = (data: Buffer, size: number) =>
  Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size));

async function decode(data: Buffer, options: ChunkedOptions, size = 7): Promise<Buffer> {
  const out: Buffer[] = [];
  const stream = Readable.from(pieces(data, size)).pipe(decodeChunked(options));
  for await (const piece of stream) out.push(piece as Buffer);
  return Buffer.concat(out);
}

const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const body = fc.array(chunk, { maxLength: 5 });

describe("a body in chunks", () => {
  it("is what it was, whatever its chunks and however the network cuts it", async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.integer({ min: 1, max: 60 }), async (chunks, size) => {
        const whole = Buffer.concat(chunks);
        const checksum = createHash("sha256").update(whole).digest("base64");
        const trailer = "x-amz-checksum-sha256";
        const decodedLength = whole.length;
        expect(await decode(signedChunks(chunks), { decodedLength, signing }, size)).toEqual(whole);
        const sent = plainChunks(chunks, `${trailer}:${checksum}\r\n`);
        expect(await decode(sent, { decodedLength, trailer }, size)).toEqual(whole);
      }),
    );
  });

  it("is refused when an octet of a signed chunk was changed", async () => {
    await fc.assert(
      fc.asyncProperty(chunk, fc.nat(), async (one, where) => {
        const sent = signedChunks([one]);
        const at = sent.indexOf("\r\n") + 2 + (where % one.length);
        sent[at] = (sent[at] ?? 0) ^ 1;
        await expect(decode(sent, { decodedLength: one.length, signing })).rejects.toMatchObject({
          code: "SignatureDoesNotMatch",
        });
      }),
    );
  });

  it("checks a trailing CRC-32 as zlib counts it", async () => {
    const data = Buffer.from("hello");
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(data));
    const trailer = "x-amz-checksum-crc32";
    const good = plainChunks([data], `${trailer}:${sum.toString("base64")}\r\n`);
    expect((await decode(good, { decodedLength: 5, trailer })).toString()).toBe("hello");
    const bad = plainChunks([Buffer.from("hellO")], `${trailer}:${sum.toString("base64")}\r\n`);
    await expect(decode(bad, { decodedLength: 5, trailer })).rejects.toMatchObject({ code: "BadDigest" });
  });

  it.each<[string, string, number]>([
    ["too short", "5\r\nhello\r\n0\r\n\r\n", 6],
    ["too long", "5\r\nhello\r\n0\r\n\r\n", 4],
    ["without its end", "5\r\nhello\r\n", 5],
    ["with something after its end", "5\r\nhello\r\n0\r\n\r\nmore\r\n", 5],
    ["with a chunk that is longer than it says", "4\r\nhello\r\n0\r\n\r\n", 5],
    ["with no size", "\r\nhello\r\n0\r\n\r\n", 5],
    ["with a trailer that was not announced", "5\r\nhello\r\n0\r\nx-amz-acl:public-read\r\n\r\n", 5],
    ["with a line that has no end", "5".repeat(3000), 5],
  ])("%s is refused", async (_, text, decodedLength) => {
    await expect(decode(Buffer.from(text), { decodedLength })).rejects.toMatchObject({
      code: "IncompleteBody",
    });
  });
});

it("the last piece of a body goes on only when its hash is right", async () => {
  const out: string[] = [];
  const stream = Readable.from([Buffer.from("a"), Buffer.from("b")]).pipe(checkedBody(sha256Hex("ax")));
  stream.on("data", (piece: Buffer) => out.push(piece.toString()));
  await new Promise((resolve) => stream.once("error", resolve));
  expect(out).toEqual(["a"]);
});
