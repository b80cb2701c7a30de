// Keeps a hosts file's block: replaced in one step where that is possible, in place where the file itself is mounted.
import { chmod, chown, open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { withHostNames, type HostName } from "./hosts-file.ts";

/** Makes the scope's block hold exactly these names. Mode and owner of the file stay. */
export async function writeHostNames(
  hostsFile: string,
  scope: string,
  names: readonly HostName[],
): Promise<void> {
  const file = await realpath(hostsFile);
  const text = await readFile(file, "utf8");
  const wanted = withHostNames(text, scope, names);
  if (wanted === text) return;
  const { mode, uid, gid } = await stat(file);
  const fresh = `${file}.estiba-${scope}`;
  try {
    await writeFile(fresh, wanted, { mode: 0o600 });
    await chown(fresh, uid, gid);
    await chmod(fresh, mode & 0o7777);
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    if (!inPlaceCodes.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await writeInPlace(file, wanted);
  }
}

/** A container's hosts file is a mount: it can not be replaced (EBUSY), and its folder may be read-only. */
const inPlaceCodes = new Set(["EBUSY", "EXDEV", "EROFS", "EACCES", "EPERM"]);

async function writeInPlace(file: string, text: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    const bytes = Buffer.from(text);
    await handle.write(bytes, 0, bytes.length, 0);
    // Shortened after it was written, so that no moment shows an empty file.
    await handle.truncate(bytes.length);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
