// `estiba image`: archives of `docker save` in the image folder, from which instances load what a task names.
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { stateFolder } from "#server/state-folder.ts";

/** Copies the archive into the folder under a name made from its content; refuses what is no image archive. */
export async function loadImage(
  dataDirectory: string,
  archive: string,
  print: (line: string) => void,
): Promise<void> {
  if (archive !== "-" && !existsSync(archive)) throw new Error(`There is no file ${archive}.`);
  const folder = stateFolder(dataDirectory).images;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const partial = join(folder, `.partial-${process.pid}`);
  try {
    const hash = createHash("sha256");
    const source = archive === "-" ? process.stdin : createReadStream(archive);
    source.on("data", (chunk: string | Buffer) => hash.update(chunk));
    await pipeline(source, createWriteStream(partial, { mode: 0o600 }));
    if (!isReadableByAgents(partial))
      throw new Error("The archive is compressed in a way that agents do not read: plain tar and gzip are.");
    const tags = tagsOf(partial, archive === "-" ? "Standard input" : archive);
    if (tags.length === 0)
      throw new Error("The archive names no image: save it by name, as in `docker save my-app:1`.");
    renameSync(partial, join(folder, `${hash.digest("hex").slice(0, 32)}.tar`));
    for (const tag of tags) print(`loaded ${tag}`);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** First bytes of what `tar` here would read and agents do not: bzip2, xz, zstd, lzip. */
const OTHER_COMPRESSIONS = ["425a68", "fd377a58", "28b52ffd", "4c5a4950"];

function isReadableByAgents(archive: string): boolean {
  const head = Buffer.alloc(4);
  const file = openSync(archive, "r");
  readSync(file, head, 0, head.length, 0);
  closeSync(file);
  return !OTHER_COMPRESSIONS.some((magic) => head.toString("hex").startsWith(magic));
}

/** Each name once: an archive that came later has taken it over from the earlier one. */
export function listImages(dataDirectory: string, print: (line: string) => void): void {
  const folder = stateFolder(dataDirectory).images;
  const archives = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(".tar")) : [];
  const tags = new Set(archives.flatMap((f) => tagsOf(join(folder, f), f)));
  for (const tag of [...tags].sort()) print(tag);
}

/** The references an archive carries: RepoTags of its manifest.json (Docker Image Specification v1.2, "Combined Image JSON"). */
function tagsOf(archive: string, called: string): readonly string[] {
  const answer = spawnSync("tar", ["-xOf", archive, "manifest.json"], {
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  if (answer.status !== 0)
    throw new Error(`${called} is no archive of \`docker save\`: it has no manifest.json.`);
  const manifest = JSON.parse(answer.stdout) as readonly { readonly RepoTags?: readonly string[] | null }[];
  return manifest.flatMap((entry) => entry.RepoTags ?? []);
}
