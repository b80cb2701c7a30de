// Makes the folder that a host's own programs see as `/`, and the scripts that enter it. What is made once is kept: it is the
// host's disk. Nothing of the machine is written through it.
import { cp, lstat, mkdir, readlink, symlink, writeFile, chmod, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { AttachedHost } from "#domain/ports/host-network.ts";
import { messageOf } from "#lib/errors.ts";
import type { HostSpec } from "../port.ts";
import type { Hierarchy } from "./cgroups.ts";
import type { HostLayout } from "./layout.ts";
import { cloudFolder, enterScript, initScript } from "./root-scripts.ts";
import { searchPath } from "./run.ts";
import { UserDataRefused } from "./user-data-refused.ts";
import { userDataScripts } from "./user-data.ts";

export interface RootParts {
  readonly node: string;
  readonly bundle: string;
  readonly imagesDirectory: string;
  readonly hierarchies: readonly Hierarchy[];
}

/** Folders and files inside; a mode other than 0755 where programs expect one. */
const folders: readonly (readonly [path: string, mode?: number])[] = [
  ...["usr", "dev", "proc", "sys", "run", "etc", "etc/ecs", "opt/estiba", "home", "mnt", "media", "srv"].map(
    (path) => [path] as const,
  ),
  ["root", 0o700],
  ["tmp", 0o1777],
  ["var/tmp", 0o1777],
  ...["cache", "lib", "lib/ecs/data", "lib/estiba/images", "log", "log/ecs", "spool", "opt"].map(
    (path) => [`var/${path}`] as const,
  ),
  [join(cloudFolder, "sem").slice(1)],
  [join(cloudFolder, "scripts").slice(1), 0o700],
];

/** What programs need of /etc to run, and no secret: no shadow, no keys, no configuration of services. */
const etcEntries = [
  ...[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
  ],
  ...[
    "environment",
    "ethertypes",
    "gai.conf",
    "group",
    "host.conf",
    "inputrc",
    "iproute2",
    "ld.so.cache",
    "ld.so.conf",
  ],
  ...[
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "login.defs",
    "lsb-release",
    "nsswitch.conf",
    "os-release",
    "passwd",
  ],
  ...[
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "rpc",
    "services",
    "shells",
  ],
  ...["skel", "ssl/certs", "ssl/openssl.cnf", "system-release", "terminfo", "timezone", "xattr.conf"],
];

export async function preparePrivateRoot(
  layout: HostLayout,
  spec: HostSpec,
  attached: AttachedHost,
  parts: RootParts,
): Promise<void> {
  const inside = (path: string) => join(layout.root, path);
  for (const [path, mode] of folders) {
    await mkdir(inside(path), { recursive: true });
    await chmod(inside(path), mode ?? 0o755);
  }
  const hostname = hostnameOf(spec.privateIp);
  const systemFolders = await linkSystemFolders(layout.root);
  if (!(await exists(inside("etc/hostname")))) {
    for (const entry of etcEntries) await copyIfThere(join("/etc", entry), inside(join("etc", entry)));
    await writeFile(inside("etc/ecs/ecs.config"), "", { flag: "a", mode: 0o600 });
    await link("/proc/self/mounts", inside("etc/mtab"));
    await link("/run", inside("var/run"));
    await link("/run/lock", inside("var/lock"));
    await writeFile(
      inside("etc/hosts"),
      `127.0.0.1 localhost\n::1 localhost\n${spec.privateIp} ${hostname}\n`,
    );
    await writeFile(inside("etc/resolv.conf"), `nameserver ${attached.dnsServer}\n`);
    await writeFile(inside("etc/hostname"), `${hostname}\n`);
  }
  for (const program of [parts.node, parts.bundle])
    if (!(await exists(program)))
      throw new Error(`${program}, which each host's agent needs, does not exist.`);
  for (const file of ["opt/estiba/node", "opt/estiba/agent.mjs"])
    await writeFile(inside(file), "", { flag: "a" });
  await mkdir(parts.imagesDirectory, { recursive: true });
  await writeFile(layout.initScript, initScript(searchPath));
  const options = {
    root: layout.root,
    console: layout.console,
    rootMarker: layout.rootMarker,
    hostname,
    systemFolders,
    cgroupMounts: parts.hierarchies,
    cgroupLinks: await linksBeside(parts.hierarchies),
    cgroup: layout.cgroup,
    readOnlyBinds: [
      { from: parts.node, to: "/opt/estiba/node" },
      { from: parts.bundle, to: "/opt/estiba/agent.mjs" },
      { from: parts.imagesDirectory, to: "/var/lib/estiba/images" },
    ],
  };
  await writeFile(layout.enterScript, enterScript(options, layout.initScript));
}

/** Puts user data where the host's first process runs it, once in the host's life. Answers why it is not run, if so. */
export async function placeUserData(layout: HostLayout, userData: string): Promise<string | undefined> {
  const folder = join(layout.root, cloudFolder);
  if (await exists(join(folder, "user-data.txt"))) return undefined;
  let refusal: string | undefined;
  let scripts: string[] = [];
  try {
    scripts = userDataScripts(userData);
  } catch (error) {
    if (!(error instanceof UserDataRefused)) throw error;
    refusal = `user data is not run: ${messageOf(error)}`;
  }
  await rm(join(folder, "scripts"), { recursive: true, force: true });
  await mkdir(join(folder, "scripts"), { mode: 0o700 });
  for (const [i, script] of scripts.entries())
    await writeFile(join(folder, "scripts", `part-${String(i + 1).padStart(3, "0")}`), script, {
      mode: 0o700,
    });
  await writeFile(join(folder, "user-data.txt"), userData, { mode: 0o600 });
  return refusal;
}

/** Whether user data's run is over, with whatever end. */
export const userDataDone = (layout: HostLayout): Promise<boolean> =>
  exists(join(layout.root, cloudFolder, "sem", "user-data.done"));

/** As EC2 names hosts by address. */
export const hostnameOf = (privateIp: string): string => `ip-${privateIp.replaceAll(".", "-")}`;

/** /usr is shown whole. /bin, /lib and the like are links into it on a merged machine, and shown as they are on another one. */
async function linkSystemFolders(root: string): Promise<string[]> {
  const shown = ["/usr"];
  for (const folder of ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]) {
    const found = await lstat(folder).catch(() => undefined);
    if (found?.isSymbolicLink()) await link(await readlink(folder), join(root, folder));
    if (!found?.isDirectory()) continue;
    await mkdir(join(root, folder), { recursive: true });
    shown.push(folder);
  }
  return shown;
}

async function linksBeside(hierarchies: readonly Hierarchy[]) {
  const links: { path: string; target: string }[] = [];
  for (const folder of new Set(hierarchies.filter((h) => h.version === 1).map((h) => dirname(h.root))))
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isSymbolicLink())
        links.push({
          path: join(folder, entry.name),
          target: basename(await readlink(join(folder, entry.name))),
        });
  return links;
}

async function copyIfThere(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
}

async function link(target: string, path: string): Promise<void> {
  if (!(await exists(path))) await symlink(target, path);
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
