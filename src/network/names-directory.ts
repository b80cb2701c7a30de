// The published names as files, one for each name in a folder for each VPC. dnsmasq answers from them and watches the folders;
// the hosts file is made from them. Names of private zones are answered inside of their VPC only: their files begin with "+".
// The files are the only memory of what was published.
import { constants } from "node:fs";
import { access, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { entriesOf } from "./entries.ts";
import type { HostName } from "./hosts-file.ts";
import { NO_ZONES, type ZoneFiles, type ZoneOptions } from "./zones.ts";

export interface NamesDirectory {
  /** The folder of a VPC's names, made when missing. */
  prepare(vpcId: string): Promise<string>;
  set(vpcId: string, name: string, address: string | undefined): Promise<void>;
  /** Makes the VPC's private zones exactly these; files that stay as they are are not touched. */
  setZones(vpcId: string, zones: ZoneFiles): Promise<void>;
  /** Of the VPC's private zones, what its DNS server is started with. */
  zoneOptions(vpcId: string): Promise<ZoneOptions>;
  /** The names of all VPCs, sorted; without those of private zones. */
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
  const optionsFile = (vpcId: string) => join(root, vpcId, "zones.json");
  const write = async (vpcId: string, name: string, text: string) => {
    // dnsmasq passes over names that begin with a dot.
    const fresh = join(folder(vpcId), `.${name}`);
    await writeFile(fresh, text, { mode: 0o644 });
    await rename(fresh, join(folder(vpcId), name));
  };
  const textOf = async (file: string): Promise<string | undefined> => {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };
  return {
    prepare,
    async setZones(vpcId, { files, options }) {
      await prepare(vpcId);
      for (const entry of await entriesOf(folder(vpcId))) {
        if (entry.startsWith("+") && !files.has(entry.slice(1)))
          await rm(join(folder(vpcId), entry), { force: true });
      }
      for (const [name, text] of files) {
        if ((await textOf(join(folder(vpcId), `+${name}`))) !== text) await write(vpcId, `+${name}`, text);
      }
      const fresh = `${optionsFile(vpcId)}.new`;
      await writeFile(fresh, JSON.stringify(options), { mode: 0o644 });
      await rename(fresh, optionsFile(vpcId));
    },
    async zoneOptions(vpcId) {
      const text = await textOf(optionsFile(vpcId));
      return text === undefined ? NO_ZONES : (JSON.parse(text) as ZoneOptions);
    },
    async set(vpcId, name, address) {
      const file = join(folder(vpcId), name);
      if (address === undefined) return rm(file, { force: true });
      await prepare(vpcId);
      await write(vpcId, name, `${address} ${name}\n`);
    },
    async all() {
      const names: HostName[] = [];
      for (const vpcId of await vpcs()) {
        for (const name of (await entriesOf(folder(vpcId))).filter((entry) => !/^[.+]/.test(entry))) {
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
