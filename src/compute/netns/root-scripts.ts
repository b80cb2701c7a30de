// The two scripts by which a host's own programs get their root. `enter` makes mount, UTS, IPC and PID namespaces and the root out
// of read-only pieces of the machine; `init` is process 1 there: user data once, then the agent. Pure texts.
import { socketInside } from "./layout.ts";
import { quote } from "./shell.ts";

export interface EnterOptions {
  readonly root: string;
  readonly console: string;
  readonly rootMarker: string;
  readonly hostname: string;
  /** Folders of the machine shown read-only at the same place: /usr, and /bin, /lib … where they are no links into it. */
  readonly systemFolders: readonly string[];
  readonly cgroupMounts: readonly { readonly root: string; readonly version: 1 | 2 }[];
  /** Links beside the mounts of version 1, for instance `/sys/fs/cgroup/cpu` → `cpu,cpuacct`. */
  readonly cgroupLinks: readonly { readonly path: string; readonly target: string }[];
  /** The host's group: the only one that its programs may change. */
  readonly cgroup: string;
  readonly readOnlyBinds: readonly { readonly from: string; readonly to: string }[];
}

/** Where the machine's own /proc is for the agent, which needs network namespaces of containers; user data does not see it. */
export const machineProc = "/run/estiba/proc";
/** Ends the service for good when the root cannot be made: trying again would fail the same way. */
export const noRootExitCode = 78;
const initInside = "/run/estiba/init.sh";

export function enterScript(options: EnterOptions, init: string): string {
  const { root, cgroup } = options;
  const inside = (path: string) => quote(`${root}${path}`);
  const bind = (from: string, to: string) => `mount --bind ${quote(from)} ${inside(to)}`;
  const readOnly = (to: string) => `mount -o remount,bind,ro ${inside(to)}`;
  const cgroups = options.cgroupMounts.flatMap((mount) => [
    ...(mount.version === 1 ? [`mkdir -p ${inside(mount.root)}`] : []),
    bind(mount.root, mount.root),
    readOnly(mount.root),
    bind(`${mount.root}${cgroup}`, `${mount.root}${cgroup}`),
  ]);
  const anyV1 = options.cgroupMounts.some((mount) => mount.version === 1);
  return `#!/bin/sh
# Made by Estiba at each launch of this host. First run: new namespaces. Second run, in them: the root.
set -eu
if [ "\${1-}" != root ]; then exec unshare --mount --uts --ipc /bin/sh "$0" root; fi
exec 3>>${quote(options.console)}
trap 'code=$?; if [ $code -ne 0 ]; then echo "The private root could not be made (exit code $code); the lines above tell why." >&3; exit ${noRootExitCode}; fi' EXIT
exec 4>&2 2>&3
echo ${quote(options.hostname)} > /proc/sys/kernel/hostname
mount --bind ${quote(root)} ${quote(root)}
${options.systemFolders.flatMap((folder) => [bind(folder, folder), readOnly(folder)]).join("\n")}
mount -t tmpfs -o nosuid,mode=755,size=1m dev ${inside("/dev")}
for node in null zero full random urandom tty; do
  : > ${inside("/dev")}/$node
  mount --bind /dev/$node ${inside("/dev")}/$node
done
ln -s /proc/self/fd ${inside("/dev/fd")}
ln -s /proc/self/fd/0 ${inside("/dev/stdin")}
ln -s /proc/self/fd/1 ${inside("/dev/stdout")}
ln -s /proc/self/fd/2 ${inside("/dev/stderr")}
ln -s pts/ptmx ${inside("/dev/ptmx")}
mkdir ${inside("/dev/pts")} ${inside("/dev/shm")}
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts ${inside("/dev/pts")}
mount -t tmpfs -o nosuid,nodev,mode=1777,size=64m shm ${inside("/dev/shm")}
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs ${inside("/sys")}
${anyV1 ? `mount -t tmpfs -o nosuid,nodev,noexec,mode=755,size=1m cgroup ${inside("/sys/fs/cgroup")}` : ""}
${cgroups.join("\n")}
${options.cgroupLinks.map(({ path, target }) => `ln -s ${quote(target)} ${inside(path)}`).join("\n")}
rm -rf ${inside("/run")}
mkdir -p ${inside("/run/estiba/proc")} ${inside("/run/lock")}
mount --bind /proc ${inside(machineProc)}
mount -o remount,bind,ro,nosuid,nodev,noexec ${inside(machineProc)}
ln -s ${socketInside} ${inside("/run/docker.sock")}
cat ${quote(init)} > ${inside(initInside)}
${options.readOnlyBinds.flatMap(({ from, to }) => [bind(from, to), readOnly(to)]).join("\n")}
: > ${quote(options.rootMarker)}
mkdir -p ${inside("/mnt")}
# umount(8) needs a /proc; the host's own follows when its process 1 begins.
${bind("/proc", "/proc")}
cd ${quote(root)}
pivot_root . mnt
cd /
umount --lazy /mnt
umount --lazy /proc
exec 2>&4 4>&-
exec unshare --pid /bin/sh -c ${quote(`setpriv --pdeathsig KILL /bin/sh ${initInside} & ${awaitChild("init")}`)}
`;
}

/** Linux capabilities that user data goes without: with them it could change the machine beyond its private root. */
const withheld = [
  "sys_admin",
  "sys_boot",
  "sys_module",
  "sys_rawio",
  "sys_time",
  "sys_tty_config",
  "mknod",
  "syslog",
  "mac_admin",
  "mac_override",
  "wake_alarm",
];

/** Where user data's scripts and marks are inside the root, as cloud-init has them. */
export const cloudFolder = "/var/lib/cloud/instance";

export function initScript(searchPath: string): string {
  const clean = `env -i HOME=/root PATH=${searchPath} LANG=C.UTF-8`;
  const withoutProc = `umount ${machineProc} 2>&1; exec setpriv --bounding-set ${withheld.map((name) => `-${name}`).join(",")} ${clean} "$0"`;
  return `#!/bin/sh
# Process 1 of the host. Kernel settings of the whole machine are read-only; those of the host's network are its own.
set -u
mount -t proc -o nosuid,nodev,noexec proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
if [ -e /proc/sysrq-trigger ]; then
  mount --bind /proc/sysrq-trigger /proc/sysrq-trigger
  mount -o remount,bind,ro /proc/sysrq-trigger
fi

marks=${cloudFolder}/sem
user_data() {
  if [ -e $marks/user-data.begun ]; then
    echo "user data: its run was interrupted before; it is not run a second time."
    return
  fi
  : > $marks/user-data.begun
  for part in ${cloudFolder}/scripts/part-*; do
    [ -e "$part" ] || continue
    unshare --mount /bin/sh -c ${quote(withoutProc)} "$part" < /dev/null
    code=$?
    if [ $code -eq 0 ]; then echo "user data: \${part##*/} succeeded."; else echo "user data: \${part##*/} failed with exit code $code."; fi
  done
}
if [ ! -e $marks/user-data.done ]; then
  mkfifo /run/estiba/output
  # What user data starts in the background may write on: it is taken, and dropped past the bound.
  (stdbuf -o0 head -c 32768 >&3; cat > /dev/null) < /run/estiba/output &
  user_data > /run/estiba/output 2>&1 3>&-
  : > $marks/user-data.done
fi
/opt/estiba/node /opt/estiba/agent.mjs 3>&- &
${awaitChild("agent")}
`;
}

/** Hands SIGTERM on to the last started child and ends as it does; as process 1 it takes in orphans while it waits. */
function awaitChild(name: string): string {
  return `${name}=$!
trap 'kill -TERM $${name}' TERM
wait $${name}; code=$?
while kill -0 $${name} 2> /dev/null; do wait $${name}; code=$?; done
exit $code`;
}
