// The files of a supervised service as text: runit's `run` and `finish` scripts, the log's, and the environment.
// Pure. The scripts are POSIX sh and need no control plane: they are what keeps the program running while it is away.
import type { ServiceSpec } from "#domain/ports/supervisor.ts";

/** What the scripts keep beside them: `pid start-time uptime` of the program, quick failures, the terminal exit code. */
export const files = {
  program: "program",
  failures: "failures",
  ended: "ended",
  terminal: "terminal",
  /** Why the last start did not come as far as the program. */
  refused: "refused",
  environment: "environment",
} as const;

/** A program that ran at least this long did not fail quickly. */
const CALM_SECONDS = 10;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** @throws RangeError for a name that no shell can export */
export function renderEnvironment(environment: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ PATH: DEFAULT_PATH, ...environment }).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes("\0"))
      throw new RangeError(`Not an environment variable: ${name}`);
    return `export ${name}=${quote(value)}\n`;
  });
  return lines.join("");
}

/** `cgroups`: mount points of the hierarchies. */
export function renderRun(spec: ServiceSpec, cgroups: readonly string[]): string {
  const program = spec.command.map(quote).join(" ");
  const workingDirectory = spec.workingDirectory ?? "/";
  const namespace =
    spec.networkNamespace === undefined ? undefined : quote(`/run/netns/${spec.networkNamespace}`);
  return [
    "#!/bin/sh",
    "# Written by Estiba. Starts the program once; runsv runs this again whenever the program has ended.",
    "exec 2>&1",
    "umask 022",
    "here=$(pwd)",
    functions(spec),
    `[ ! -e ${files.terminal} ] || exit 0`,
    waitForPrevious,
    `rm -f ${files.program} ${files.refused}`,
    waitAfterFailures,
    ...(spec.pidFiles ?? []).map((file) => `remove_stale ${quote(file)}`),
    ...(spec.cgroup === undefined
      ? []
      : cgroups.map(
          (h) =>
            `join_cgroup ${quote(h)} || refuse ${quote(`the cgroup ${spec.cgroup} of ${h} cannot be joined`)}`,
        )),
    // `ip netns exec` would mount /sys anew, and an engine then finds no cgroups.
    ...(namespace === undefined
      ? []
      : [`[ -e ${namespace} ] || refuse "there is no network namespace "${namespace}`]),
    `cd ${quote(workingDirectory)} || refuse "there is no folder "${quote(workingDirectory)}`,
    raiseFileLimit,
    // What is written here holds for the program: exec keeps the pid and the start time.
    "read -r up rest < /proc/uptime",
    `fields_of $$ && echo "$$ $start \${up%.*}" > "$here/${files.program}"`,
    `. "$here/${files.environment}"`,
    `exec ${namespace === undefined ? "" : `/usr/bin/nsenter --net=${namespace} -- `}${program}`,
    "",
  ].join("\n");
}

const raiseFileLimit = `hard=$(ulimit -Hn)
case $hard in unlimited) hard=1048576 ;; esac
[ "$hard" -le 1048576 ] || hard=1048576
ulimit -Sn "$hard" 2>/dev/null`;

/**
 * When runsv itself was killed, the program of its time may still run. It goes on; this script stands in for it,
 * passes signals on, and starts the program only after that one's end. It gives up when its own runsv is gone, since
 * the next one starts a script of its own.
 */
const waitForPrevious = `previous= started=
[ ! -e ${files.program} ] || read -r previous started rest < ${files.program}
if alive "$previous" "$started"; then
  echo "estiba: the program still runs as process $previous; waiting for its end"
  stopping=
  for signal in HUP USR1 USR2; do trap "kill -$signal $previous" $signal; done
  trap 'stopping=yes; kill -TERM $previous' TERM
  while alive "$previous" "$started"; do
    [ "$(parent_of $$)" = "$PPID" ] || exit 0
    sleep 0.5 &
    wait $!
  done
  # The runsv may have gone while this slept, and another one's script have the program's place.
  [ "$(parent_of $$)" = "$PPID" ] || exit 0
  [ -z "$stopping" ] || exit 0
  trap - HUP USR1 USR2 TERM
fi`;

/** 1 s is runsv's own; from the second quick failure on 2, 4, 8, 16, then 30 s. */
const waitAfterFailures = `failures=0
[ ! -e ${files.failures} ] || read -r failures < ${files.failures}
if [ "$failures" -gt 1 ]; then
  delay=2
  while [ "$failures" -gt 2 ] && [ "$delay" -lt 30 ]; do
    delay=$((delay * 2)) failures=$((failures - 1))
  done
  [ "$delay" -le 30 ] || delay=30
  trap 'kill $!; exit 0' TERM
  sleep "$delay" &
  wait $!
  trap - TERM
fi`;

function functions(spec: ServiceSpec): string {
  return [
    `alive() {
  [ -n "$1" ] && [ -r "/proc/$1/stat" ] || return 1
  fields_of "$1" || return 1
  [ "$start" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]
}
fields_of() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- \${stat##*) }
  state=$1 parent=$2 start=\${20}
}
parent_of() { fields_of "$1"; echo "$parent"; }
refuse() {
  echo "estiba: $1"
  echo "$1" > "$here/${files.refused}"
  exit 1
}
`,
    (spec.pidFiles ?? []).length === 0 ? "" : removeStale,
    spec.cgroup === undefined ? "" : joinCgroup(spec.cgroup),
  ].join("");
}

/**
 * A pid file's owner is proven dead when there is no such process, or when the process with its number was started
 * after the file was written. Anything else stays: the program then says itself that it is running already.
 */
const removeStale = `remove_stale() {
  [ -e "$1" ] || return 0
  read -r owner rest < "$1"
  case $owner in '' | *[!0-9]*) return 0 ;; esac
  if fields_of "$owner" && [ "$state" != Z ]; then
    boot=$(sed -n 's/^btime //p' /proc/stat)
    [ $((boot + start / $(getconf CLK_TCK))) -gt $(($(stat -c %Y "$1") + 1)) ] || return 0
  fi
  rm -f "$1"
}
`;

/** A cpuset of version 1 starts empty and takes no process: it gets its parent's. */
function joinCgroup(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  return `join_cgroup() {
  group=$1
  for part in ${parts.map(quote).join(" ")}; do
    above=$group group=$group/$part
    mkdir -p "$group" || return 1
    [ -e "$1/cgroup.controllers" ] && continue
    for kind in cpus mems; do
      [ -e "$group/cpuset.$kind" ] || continue
      [ -n "$(cat "$group/cpuset.$kind")" ] || cat "$above/cpuset.$kind" > "$group/cpuset.$kind"
    done
  done
  echo $$ > "$group/cgroup.procs"
}
`;
}

export function renderFinish(spec: ServiceSpec): string {
  const terminal = spec.terminalExitCodes ?? [];
  return `#!/bin/sh
# Written by Estiba. Runs when the program has ended: $1 is its exit code, -1 after a signal, which is $2.
exec 2>&1
[ ! -e ${files.terminal} ] || exit 0
read -r up rest < /proc/uptime
up=\${up%.*}
ran=0
if [ -e ${files.program} ]; then
  read -r pid start began < ${files.program}
  ran=$((up - began))
fi
failures=0
[ ! -e ${files.failures} ] || read -r failures < ${files.failures}
[ "$ran" -lt ${CALM_SECONDS} ] && failures=$((failures + 1)) || failures=0
echo "$failures" > ${files.failures}
echo "$up" > ${files.ended}
echo "estiba: the program ended after \${ran} s with code $1, signal $2"
${
  terminal.length === 0
    ? ""
    : `case $1 in ${terminal.join(" | ")})
  echo "$1" > ${files.terminal}
  echo "estiba: code $1 is final: it is not started again"
  : > down
  printf d > supervise/control
  ;;
esac
`
}exit 0
`;
}

/** At most five files of 1 MB; `-tt` puts the time (UTC) before each line. `folder`: where the log's files are. */
export const renderLogRun = (folder: string): string =>
  `#!/bin/sh\nexec svlogd -tt -l 16000 -b 16384 ${quote(folder)}\n`;
export const logConfig = "s1000000\nn4\n";
