// The image of pause containers, which hold a task's network and do nothing else: made on the host out of its static busybox, so
// that it needs no registry.
import { readFile } from "node:fs/promises";
import { imageArchive } from "#lib/image-archive.ts";

export const PAUSE_IMAGE = "amazon/amazon-ecs-pause:0.1.0";

/** The archive, as `docker save` would write it. @throws Error when there is no busybox */
export async function pauseImage(busyboxPath = "/bin/busybox"): Promise<Buffer> {
  const busybox = await readFile(busyboxPath);
  const files = [{ name: "bin/" }, { name: "bin/busybox", mode: 0o755, content: busybox }];
  // As long as its task lasts: the agent ends it by force.
  const config = { Cmd: ["/bin/busybox", "sleep", "2147483647"], Env: ["PATH=/bin"] };
  return imageArchive([PAUSE_IMAGE], files, config).archive;
}
