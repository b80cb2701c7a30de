// Finds one file in a tar archive without reading what lies before it: layers are skipped by seeking where the source can.
// Reads ustar, pax and GNU archives (POSIX.1-2017, pax, "ustar Interchange Format"), as far as names and sizes go.

const BLOCK = 512;
/** A pax header holds a few names and numbers. */
const PAX_LIMIT = 1024 * 1024;

/** Where bytes come from, in order. */
export interface ByteSource {
  /** Exactly `length` bytes; fewer at the end. */
  read(length: number): Promise<Buffer>;
  skip(length: number): Promise<void>;
}

/**
 * The content of the first regular file with this name, undefined when there is none.
 * @throws Error when the source is no tar archive, or the file is larger than `limit`
 */
export async function readTarEntry(
  source: ByteSource,
  wanted: string,
  limit: number,
): Promise<Buffer | undefined> {
  let pax: PaxRecords = {};
  for (;;) {
    const header = await source.read(BLOCK);
    if (header.length < BLOCK || header.every((byte) => byte === 0)) return undefined;
    if (!hasChecksum(header)) throw new Error("it is no tar archive");
    const type = String.fromCharCode(header[156] ?? 0);
    const size = pax.size ?? numberAt(header, 124, 12);
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    if (type === "x") {
      if (size > PAX_LIMIT) throw new Error("a header of the archive is too long");
      pax = readPax((await source.read(padded)).subarray(0, size));
      continue;
    }
    const name = (pax.path ?? textAt(header, 0, 100)).replace(/^\.\//, "");
    if ((type === "0" || type === "\0") && name === wanted) {
      if (size > limit) throw new Error(`${wanted} is larger than ${limit} bytes`);
      const content = await source.read(size);
      if (content.length < size) throw new Error("the archive is cut short");
      return content;
    }
    // A global header (`g`) carries no name or size that counts here.
    if (type !== "g") pax = {};
    await source.skip(padded);
  }
}

interface PaxRecords {
  readonly path?: string;
  readonly size?: number;
}

/** Records of the form `<length> <key>=<value>\n`, the length counting all of it. */
function readPax(content: Buffer): PaxRecords {
  let records: PaxRecords = {};
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(32, at);
    const length = Number(content.subarray(at, space).toString("latin1"));
    if (space === -1 || !Number.isInteger(length) || length <= space - at) break;
    const record = content.subarray(space + 1, at + length - 1).toString("utf8");
    if (record.startsWith("path=")) records = { ...records, path: record.slice(5) };
    if (record.startsWith("size=")) records = { ...records, size: Number(record.slice(5)) };
    at += length;
  }
  if (records.size !== undefined && !(Number.isSafeInteger(records.size) && records.size >= 0))
    throw new Error("a header of the archive is malformed");
  return records;
}

/** The sum of the header's bytes, its own field counted as blanks. */
function hasChecksum(header: Buffer): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i += 1) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0);
  return sum === numberAt(header, 148, 8);
}

/** Octal digits, or base 256 when the first bit is set (sizes from 8 GiB in GNU's form). */
function numberAt(header: Buffer, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) !== 0) {
    const value = Number(header.readBigUInt64BE(at + length - 8));
    if (!Number.isSafeInteger(value)) throw new Error("a header of the archive is malformed");
    return value;
  }
  const digits = textAt(header, at, length).trim();
  return /^[0-7]*$/.test(digits) ? parseInt(digits === "" ? "0" : digits, 8) : NaN;
}

function textAt(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString("utf8");
}
