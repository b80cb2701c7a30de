// CRC-32 (ISO 3309, as in zlib), which S3's clients send with a body: Node has it only from 20.15 on.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function createCrc32() {
  let crc = 0xffffffff;
  return {
    update(data: Buffer): void {
      for (const byte of data) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
    },
    /** Big-endian, as S3 writes it. */
    digest(encoding: "base64"): string {
      const out = Buffer.alloc(4);
      out.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
      return out.toString(encoding);
    },
  };
}
