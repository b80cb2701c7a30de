// The interfaces of the network namespace that the agent is in, as the kernel shows them.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostInterfaces } from "./port.ts";

/**
 * @param trunk where interfaces are made only when their task is wired: then each is as good as there
 * @param folder `/sys/class/net` unless said otherwise
 */
export function createKernelInterfaces(trunk?: string, folder = "/sys/class/net"): HostInterfaces {
  return {
    has: async (macAddress) =>
      trunk === undefined
        ? (await interfaceNamed(macAddress, folder)) !== undefined
        : (await readdir(folder)).includes(trunk),
  };
}

/** The interface's name; undefined while there is none with this MAC. */
export async function interfaceNamed(
  macAddress: string,
  folder = "/sys/class/net",
): Promise<string | undefined> {
  for (const name of await readdir(folder)) {
    // One that goes meanwhile is not it.
    const mac = await readFile(join(folder, name, "address"), "utf8").catch(() => "");
    if (mac.trim().toLowerCase() === macAddress.toLowerCase()) return name;
  }
  return undefined;
}
