// What a former life left in its journals. A torn end was never acknowledged and is cut off; damage in the middle is kept
// aside for whoever wants to look, and said.
import { copyFile, mkdir, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "#lib/logger.ts";
import { decodeBatches, type Batch } from "./record.ts";
import { syncFolder } from "./sync-folder.ts";

const JOURNAL = /^journal-(\d{16})$/;

export interface Recovered {
  readonly batches: readonly Batch[];
  /** The journals that hold them. */
  readonly files: readonly string[];
  readonly highestSequence: number;
  readonly highestJournal: number;
}

export async function recoverJournals(folder: string, logger: Logger): Promise<Recovered> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => JOURNAL.test(name)).sort();
  const batches: Batch[] = [];
  for (const name of names) {
    const file = join(folder, name);
    const bytes = await readFile(file);
    const read = decodeBatches(bytes);
    for (const batch of read.batches) batches.push(batch);
    const torn = bytes.length - read.whole;
    if (torn === 0) continue;
    logger.warn("A journal of logs ends in what was not whole", { file, bytes: torn });
    if (name !== names.at(-1)) await copyFile(file, `${file}.damaged`);
    await truncate(file, read.whole);
  }
  const files = names.map((name) => join(folder, name));
  return {
    batches,
    files,
    highestSequence: batches.reduce((top, b) => Math.max(top, b.events.at(-1)?.sequence ?? 0), 0),
    highestJournal: names.reduce((top, name) => Math.max(top, Number(JOURNAL.exec(name)?.[1])), 0),
  };
}

export async function removeJournals(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
  const folder = files[0]?.slice(0, files[0].lastIndexOf("/"));
  if (folder !== undefined) await syncFolder(folder);
}
