// Lets the machine pass answers from the outside on to its VPCs: forwarding on the devices of the default routes, where the
// machine does not forward anyway. Each device is noted in a file first, so that removal restores what was.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entriesOf } from "./entries.ts";
import { inRoot, type Run } from "./run.ts";
import { shell } from "./script.ts";
import type { Route } from "./ranges.ts";

const flag = (device: string) => `/proc/sys/net/ipv4/conf/${device}/forwarding`;
const deviceName = /^[^\s/'"$`\\]{1,15}$/;

/** @param directory where the devices that were changed are noted */
export async function enableForwarding(run: Run, routes: readonly Route[], directory: string): Promise<void> {
  const devices = new Set(
    routes.flatMap(({ dst, dev }) => (dst === "default" && dev !== undefined ? [dev] : [])),
  );
  for (const device of devices) {
    if (!deviceName.test(device)) continue;
    const value = await inRoot(run, `cat '${flag(device)}'`);
    if (value.trim() === "1") continue;
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, device), "");
    await inRoot(run, `echo 1 >'${flag(device)}'`);
  }
}

/** Undoes it, unless the machine has become a router since (`net.ipv4.ip_forward`) or `stillNeeded`. */
export async function restoreForwarding(run: Run, directory: string, stillNeeded: boolean): Promise<void> {
  const devices = await entriesOf(directory);
  if (devices.length > 0 && !stillNeeded) {
    const undo = devices
      .filter((device) => deviceName.test(device))
      .map((device) => `[ ! -e '${flag(device)}' ] || echo 0 >'${flag(device)}'`);
    await inRoot(
      run,
      shell({ before: ['[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ] || exit 0', ...undo] }),
    );
  }
  await rm(directory, { recursive: true, force: true });
}
