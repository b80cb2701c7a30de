// The folder of image archives (`docker save`, as `estiba image load` puts them there): which archive holds a reference.
// Reads only each archive's manifest.json, once per version of the file; loading it is the engine's.
import { createReadStream } from "node:fs";
import { open, readdir, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import { normaliseReference } from "./reference.ts";
import { readTarEntry, type ByteSource } from "./tar-entry.ts";

const MANIFEST_LIMIT = 4 * 1024 * 1024;

export interface ImageArchive {
  readonly path: string;
  /** Changes whenever the file does. */
  readonly version: string;
  /** `sha256:…` of the image's configuration: its id in engines that name images so. Absent when the manifest tells none. */
  readonly configDigest?: string;
}

interface Known {
  readonly version: string;
  readonly modifiedMs: number;
  /** Full reference → digest of its configuration. */
  readonly images: ReadonlyMap<string, string | undefined>;
}

export class ImageFolder {
  readonly #folder: string;
  readonly #logger: Logger;
  #known = new Map<string, Known>();

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /** The newest archive that holds the reference (in its full form). A folder that is not there holds none. */
  async find(fullReference: string): Promise<ImageArchive | undefined> {
    await this.#read();
    let best: (ImageArchive & { readonly modifiedMs: number }) | undefined;
    for (const [path, { version, modifiedMs, images }] of this.#known) {
      if (!images.has(fullReference) || (best !== undefined && best.modifiedMs >= modifiedMs)) continue;
      const configDigest = images.get(fullReference);
      best = { path, version, modifiedMs, ...(configDigest === undefined ? {} : { configDigest }) };
    }
    return best;
  }

  async #read(): Promise<void> {
    const next = new Map<string, Known>();
    for (const name of await listFolder(this.#folder)) {
      if (name.startsWith(".") || !name.endsWith(".tar")) continue;
      const path = join(this.#folder, name);
      const file = await stat(path).catch(() => undefined);
      if (file === undefined || !file.isFile()) continue;
      const version = `${path} ${file.mtimeMs} ${file.size}`;
      const known = this.#known.get(path);
      next.set(
        path,
        known?.version === version
          ? known
          : { version, modifiedMs: file.mtimeMs, images: await this.#imagesOf(path) },
      );
    }
    this.#known = next;
  }

  async #imagesOf(path: string): Promise<Known["images"]> {
    try {
      return await readImages(path);
    } catch (error) {
      this.#logger.warn("An image archive cannot be read.", { archive: path, reason: messageOf(error) });
      return new Map();
    }
  }
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Full reference → digest of the configuration. @throws Error when the file is no archive of images */
async function readImages(path: string): Promise<Map<string, string | undefined>> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(2);
    await file.read(start, 0, 2, 0);
    const isGzip = start[0] === 0x1f && start[1] === 0x8b;
    const content = isGzip
      ? await readFromStream(createReadStream(path), createGunzip())
      : await readTarEntry(fromFile(file), "manifest.json", MANIFEST_LIMIT);
    if (content === undefined) throw new Error("it has no manifest.json");
    return parseManifest(content.toString("utf8"));
  } finally {
    await file.close();
  }
}

interface ManifestEntry {
  readonly Config?: string;
  readonly RepoTags?: readonly string[] | null;
}

function parseManifest(text: string): Map<string, string | undefined> {
  const images = new Map<string, string | undefined>();
  for (const entry of JSON.parse(text) as readonly ManifestEntry[]) {
    // `<hex>.json` until Docker 24, `blobs/sha256/<hex>` since.
    const digest = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(entry.Config ?? "")?.[1];
    for (const tag of entry.RepoTags ?? []) {
      const reference = normaliseReference(tag);
      if (reference !== undefined)
        images.set(reference, digest === undefined ? undefined : `sha256:${digest}`);
    }
  }
  return images;
}

function fromFile(file: FileHandle): ByteSource {
  let position = 0;
  return {
    async read(length) {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, position);
      position += length;
      return buffer.subarray(0, bytesRead);
    },
    async skip(length) {
      position += length;
    },
  };
}

async function readFromStream(compressed: Readable, gunzip: Readable & NodeJS.WritableStream) {
  compressed.once("error", (error) => gunzip.destroy(error));
  const chunks = compressed.pipe(gunzip)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    return await readTarEntry(fromChunks(chunks), "manifest.json", MANIFEST_LIMIT);
  } finally {
    compressed.destroy();
    gunzip.destroy();
  }
}

function fromChunks(chunks: AsyncIterator<Buffer>): ByteSource {
  let pending: Buffer = Buffer.alloc(0);
  const take = async (length: number, keep: ((part: Buffer) => void) | undefined) => {
    for (let left = length; left > 0;) {
      if (pending.length === 0) {
        const next = await chunks.next();
        if (next.done === true) return;
        pending = next.value;
      }
      const part = pending.subarray(0, left);
      pending = pending.subarray(part.length);
      left -= part.length;
      keep?.(part);
    }
  };
  return {
    async read(length) {
      const parts: Buffer[] = [];
      await take(length, (part) => parts.push(part));
      return Buffer.concat(parts);
    },
    skip: (length) => take(length, undefined),
  };
}
