// The published names as files, one for each name in a folder for each VPC. dnsmasq answers from them and watches the folders;
// the hosts file is made from them. They are the only memory of what was published.
import { constants } from "node:fs";
import { access, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { entriesOf } from "./entries.ts";
import type { HostName } from "./hosts-file.ts";

export interface NamesDirectory {
  /** The folder of a VPC's names, made when missing. */
  prepare(vpcId: string): Promise<string>;
  set(vpcId: string, name: string, address: string | undefined): Promise<void>;
  /** The names of all VPCs, sorted. */
  all(): Promise<readonly HostName[]>;
  /** Everything of a VPC. */
  remove(vpcId: string): Promise<void>;
  removeAll(): Promise<void>;
}

export function createNamesDirectory(root: string): NamesDirectory {
  const folder = (vpcId: string) => join(root, vpcId, "names");
  const vpcs = async () => (await entriesOf(root)).filter((entry) => entry.startsWith("vpc-"));
  const remove = (vpcId: string) => rm(join(root, vpcId), { recursive: true, force: true });
  const prepare = async (vpcId: string) => {
    await mkdir(folder(vpcId), { recursive: true, mode: 0o755 });
    return folder(vpcId);
  };
  return {
    prepare,
    async set(vpcId, name, address) {
      const file = join(folder(vpcId), name);
      if (address === undefined) return rm(file, { force: true });
      await prepare(vpcId);
      // dnsmasq passes over names that begin with a dot.
      const fresh = join(folder(vpcId), `.${name}`);
      await writeFile(fresh, `${address} ${name}\n`, { mode: 0o644 });
      await rename(fresh, file);
    },
    async all() {
      const names: HostName[] = [];
      for (const vpcId of await vpcs()) {
        for (const name of (await entriesOf(folder(vpcId))).filter((entry) => !entry.startsWith("."))) {
          const [address] = (await readFile(join(folder(vpcId), name), "utf8")).split(" ");
          if (address !== undefined && address !== "") names.push({ name, address });
        }
      }
      return names.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    },
    remove,
    async removeAll() {
      for (const vpcId of await vpcs()) await remove(vpcId);
    },
  };
}

/**
 * Whom dnsmasq runs as. It opens its names after it gave up root, so an unprivileged user needs the way down to them; root when
 * a folder above is closed to others.
 */
export async function dnsUser(directory: string): Promise<"nobody" | "root"> {
  await access(directory, constants.R_OK);
  for (let at = directory; at !== dirname(at); at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return "root";
  }
  return "nobody";
}
