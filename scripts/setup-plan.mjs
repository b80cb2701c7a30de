// What setup decides, apart from what it does: which packages are missing and in which words it says so. Pure.

/**
 * Commands that must be there, and Debian's package that brings each. What another package already provides
 * (docker-ce's dockerd, a static binary in /usr/local/bin) is left as it is.
 * @type {readonly import("./setup-plan.d.mts").Requirement[]}
 */
export const requirements = [
  { command: "dockerd", package: "docker.io", units: ["docker.service", "docker.socket"] },
  { command: "containerd", package: "containerd", units: ["containerd.service"] },
  { command: "containerd-shim-runc-v2", package: "containerd", units: ["containerd.service"] },
  { command: "runc", package: "runc" },
  { command: "haproxy", package: "haproxy", units: ["haproxy.service"] },
  { command: "ip", package: "iproute2" },
  { command: "nft", package: "nftables" },
  { command: "iptables", package: "iptables" },
  { command: "dnsmasq", package: "dnsmasq-base" },
  { command: "runsv", package: "runit" },
  { command: "svlogd", package: "runit" },
  { command: "nsenter", package: "util-linux" },
  { command: "busybox", package: "busybox-static", static: true },
  { command: "aws", package: "awscli", test: true },
  { command: "curl", package: "curl", test: true },
  { command: "conntrack", package: "conntrack", test: true },
  { command: "runsc", package: "runsc", test: true },
];

/** Which requirements are not met. `find` answers whether a command is there (and linked statically where that matters). */
export function missingRequirements(find, { test = false } = {}) {
  return requirements.filter((r) => (test || r.test !== true) && !find(r.command, r.static === true));
}

/** The packages to install: each once, in the order of the list. */
export function packagesFor(missing) {
  return [...new Set(missing.map((r) => r.package))];
}

/** The services that these packages would start at the next boot. */
export function unitsOf(missing) {
  return [...new Set(missing.flatMap((r) => r.units ?? []))];
}

/**
 * How the missing packages come onto this machine, or why they cannot.
 * @returns {import("./setup-plan.d.mts").SystemPlan}
 */
export function planSystem(missing, { root, apt }) {
  if (missing.length === 0) return { action: "nothing" };
  const packages = packagesFor(missing);
  const commands = missing.map((r) => r.command).join(", ");
  if (!apt) {
    return {
      action: "refuse",
      words:
        `These programs are missing: ${commands}. This is no Debian or Ubuntu (there is no apt-get): install them ` +
        `with this system's package manager (Debian's names: ${packages.join(" ")}) and run the command again.`,
    };
  }
  if (!root) {
    return {
      action: "refuse",
      words:
        `These programs are missing: ${commands}. Installing them needs root. As root: ` +
        `apt-get install --no-install-recommends ${packages.join(" ")}; or run the whole command as root.`,
    };
  }
  return { action: "install", packages, units: unitsOf(missing) };
}

/** Node's version as setup needs it; undefined when it will do. */
export function wordAboutNode(version, needed = 20) {
  const major = Number(version.split(".")[0]);
  return major >= needed
    ? undefined
    : `Node.js ${needed} or newer is needed; this is ${version}. Debian 12 has 18: see https://nodejs.org/en/download`;
}

/**
 * Whether what npm installed (node_modules/.package-lock.json) is what package-lock.json asks for. Packages for other
 * platforms are optional and may be absent.
 */
export function npmIsCurrent(lock, installed) {
  const have = installed?.packages ?? {};
  return Object.entries(lock.packages).every(
    ([path, wanted]) =>
      path === "" ||
      wanted.link === true ||
      (have[path] === undefined ? wanted.optional === true : have[path].version === wanted.version),
  );
}

/** Whether a 64-bit little-endian ELF program runs without an interpreter, that is, in an image with no libraries. */
export function isStaticElf(bytes) {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
    return false;
  const table = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  const interpreter = 3;
  for (let i = 0; i < count; i++) {
    const entry = table + i * size;
    if (entry + 4 > bytes.length) return false;
    if (bytes.readUInt32LE(entry) === interpreter) return false;
  }
  return true;
}
