// An image of one layer as an archive of `docker save` (Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset
// Format"), the same byte for byte for the same input.
import { createHash } from "node:crypto";
import { tar, type TarEntry } from "./tar.ts";

export interface ImageArchive {
  readonly archive: Buffer;
  /** `sha256:…` of the image's configuration: the id that engines give it. */
  readonly imageId: string;
}

/** Docker's architecture names for those of Node. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const CREATED = "1970-01-01T00:00:00Z";

/** @param config the image's `config`: Cmd, Env, StopSignal, Healthcheck … @throws RangeError for a name that does not fit */
export function imageArchive(
  tags: readonly string[],
  entries: readonly TarEntry[],
  config: Readonly<Record<string, unknown>>,
): ImageArchive {
  const layer = tar(entries);
  const layerDigest = digest(layer);
  const image = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    created: CREATED,
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: CREATED, created_by: "estiba" }],
  });
  const id = digest(image);
  const layerName = `${layerDigest}/layer.tar`;
  const manifest = [{ Config: `${id}.json`, RepoTags: tags, Layers: [layerName] }];
  return {
    imageId: `sha256:${id}`,
    archive: tar([
      { name: "manifest.json", content: JSON.stringify(manifest) },
      { name: `${id}.json`, content: image },
      { name: `${layerDigest}/` },
      { name: layerName, content: layer },
    ]),
  };
}

const digest = (content: Buffer | string): string => createHash("sha256").update(content).digest("hex");
