// The image of pause containers, which hold a task's network and do nothing else: made on the host out of its static busybox, so
// that it needs no registry. Docker Image Specification v1.2.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { tar } from "#lib/tar.ts";

export const PAUSE_IMAGE = "amazon/amazon-ecs-pause:0.1.0";

/** Debian's architecture names for those of Node. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The archive, as `docker save` would write it. @throws Error when there is no busybox */
export async function pauseImage(busyboxPath = "/bin/busybox"): Promise<Buffer> {
  const busybox = await readFile(busyboxPath);
  const layer = tar([{ name: "bin/" }, { name: "bin/busybox", mode: 0o755, content: busybox }]);
  const config = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    // As long as its task lasts: the agent ends it by force.
    config: { Cmd: ["/bin/busybox", "sleep", "2147483647"], Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest(layer)}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "estiba" }],
  });
  const configName = `${digest(config)}.json`;
  const layerName = `${digest(layer)}/layer.tar`;
  return tar([
    {
      name: "manifest.json",
      content: JSON.stringify([{ Config: configName, RepoTags: [PAUSE_IMAGE], Layers: [layerName] }]),
    },
    { name: configName, content: config },
    { name: `${digest(layer)}/` },
    { name: layerName, content: layer },
  ]);
}

const digest = (content: Buffer | string): string => createHash("sha256").update(content).digest("hex");
