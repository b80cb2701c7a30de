// One journal file: records are appended and synced before anybody hears that they were taken. What failed to be written is
// cut off again, so that the file always ends behind an acknowledged record.
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "./sync-folder.ts";

export interface Journal {
  readonly file: string;
  /** Bytes that are written and synced. */
  readonly size: number;
  /** Resolves after the sync. A rejected append left nothing behind. */
  append(bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** Makes the file, which may not exist. */
export async function createJournal(file: string): Promise<Journal> {
  const handle = await open(file, "wx", 0o600);
  await syncFolder(dirname(file));
  let size = 0;
  /** Something unacknowledged stands behind `size`. */
  let dirty = false;

  return {
    file,
    get size() {
      return size;
    },
    async append(bytes) {
      if (dirty) await handle.truncate(size);
      dirty = true;
      try {
        await writeWhole(handle, bytes, size);
        await handle.datasync();
      } catch (error) {
        // A second failure is met by the next append.
        await handle.truncate(size).then(
          () => (dirty = false),
          () => undefined,
        );
        throw error;
      }
      size += bytes.length;
      dirty = false;
    },
    close: () => handle.close(),
  };
}

async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
