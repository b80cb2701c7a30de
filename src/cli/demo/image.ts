// The demo's image, made of the machine's static busybox alone: no Docker, no registry, the same bytes each time.
// A page written once at the start is served by busybox's httpd, which forks but does not exec for a request.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { imageArchive } from "#lib/image-archive.ts";

export const DEMO_IMAGE = "estiba/demo-web:latest";

/** What people and health checks call inside; all of them are busybox. */
const applets = ["sh", "cat", "env", "hostname", "httpd", "id", "ip", "ls", "nc", "ps", "sleep", "wget"];

/**
 * The first process ignores signals that it has no handler for, so the shell stays and handles SIGTERM: httpd stops
 * listening, requests in flight (its forked children) end, then the container does.
 */
const serve = `#!/bin/sh
printf 'estiba demo\\nrevision %s\\ncontainer %s\\n' "\${REVISION:-0}" "$(hostname)" > /www/index.txt
httpd -f -p 8080 -h /www -c /etc/httpd.conf &
server=$!
stopping=
trap 'stopping=yes; kill $server' TERM INT
wait $server
code=$?
[ -n "$stopping" ] || exit $code
set -- /proc/[0-9]*
while [ $# -gt 1 ]; do
  sleep 0.05
  set -- /proc/[0-9]*
done
`;

/** Writes the archive, as `docker save` would, to `path`. @throws Error when there is no static busybox */
export async function buildDemoImage(path: string, busyboxPath = "/bin/busybox"): Promise<void> {
  if (!existsSync(busyboxPath)) {
    throw new Error(`${busyboxPath} is missing. On Debian: apt-get install busybox-static`);
  }
  const archive = demoImage(readFileSync(busyboxPath));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.${process.pid}.partial`;
  try {
    writeFileSync(partial, archive);
    renameSync(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
}

function demoImage(busybox: Buffer): Buffer {
  const files = [
    { name: "bin/" },
    { name: "bin/busybox", mode: 0o755, content: busybox },
    ...applets.map((name) => ({ name: `bin/${name}`, mode: 0o777, linkTo: "busybox" })),
    { name: "bin/serve", mode: 0o755, content: serve },
    { name: "etc/" },
    { name: "etc/httpd.conf", content: "I:index.txt\n.txt:text/plain\n" },
    { name: "etc/passwd", content: "root:x:0:0:root:/:/bin/sh\n" },
    { name: "tmp/", mode: 0o1777 },
    { name: "www/" },
  ];
  const config = {
    Cmd: ["/bin/serve"],
    Env: ["PATH=/bin"],
    ExposedPorts: { "8080/tcp": {} },
    StopSignal: "SIGTERM",
  };
  return imageArchive([DEMO_IMAGE], files, config).archive;
}
