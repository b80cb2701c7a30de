// Writes tar archives (POSIX ustar) that are the same byte for byte for the same entries: no time, no owner but root.

export interface TarEntry {
  /** Relative, below 100 bytes; a folder's ends with a slash. */
  readonly name: string;
  /** Permission bits. */
  readonly mode?: number;
  readonly content?: Uint8Array | string;
  /** Makes the entry a symbolic link to this path. */
  readonly linkTo?: string;
}

const BLOCK = 512;

/** @throws RangeError for a name that does not fit */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? "");
    blocks.push(header(entry, content.length), content, Buffer.alloc(-content.length & (BLOCK - 1)));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (offset: number, length: number, value: string) => {
    if (Buffer.byteLength(value) > length) throw new RangeError(`Too long for a tar header: ${value}`);
    block.write(value, offset, "utf8");
  };
  const octal = (offset: number, digits: number, value: number) =>
    text(offset, digits, value.toString(8).padStart(digits, "0"));
  const folder = entry.name.endsWith("/");
  text(0, 99, entry.name);
  octal(100, 7, entry.mode ?? (folder ? 0o755 : 0o644));
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, 0);
  text(148, 8, " ".repeat(8));
  text(156, 1, entry.linkTo !== undefined ? "2" : folder ? "5" : "0");
  text(157, 99, entry.linkTo ?? "");
  text(257, 8, "ustar\u000000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, "0")}\u0000 `);
  return block;
}
