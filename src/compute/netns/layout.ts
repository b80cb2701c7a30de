// Where everything of a host lies below the hosts' folder, and its names of control groups, services and engine namespaces.
import { join } from "node:path";

export interface HostLayout {
  readonly id: string;
  readonly folder: string;
  /** The engine's `--data-root`, `--exec-root`, configuration, pidfile. */
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly daemonConfig: string;
  readonly pidFile: string;
  /** What the host's own programs see as `/`; kept as long as the host. */
  readonly root: string;
  /** The engine's socket, inside the root: the host's programs reach it, and tasks may be given it, as on EC2. */
  readonly socket: string;
  readonly enterScript: string;
  readonly initScript: string;
  /** Made by the private root once it stands. */
  readonly rootMarker: string;
  readonly console: string;
  readonly cgroup: string;
  readonly systemCgroup: string;
  /** Not `tasks`: each version 1 group holds a file of that name. */
  readonly tasksCgroup: string;
  readonly engineService: string;
  readonly agentService: string;
  readonly containerdNamespaces: readonly [string, string];
}

export interface SharedLayout {
  readonly hosts: string;
  readonly containerd: string;
  readonly containerdSocket: string;
  readonly cgroup: string;
  readonly containerdCgroup: string;
}

const instanceId = /^i-[0-9a-f]{1,17}$/;
/** Of `sockaddr_un`, without its closing zero. */
const longestSocketPath = 107;
/** The engine's own, in its `--exec-root`. */
const libnetworkSocket = "run/libnetwork/0123456789ab.sock";
/** Where the engine's socket is for the host's programs. */
export const socketInside = "/var/lib/estiba/docker.sock";

export const isInstanceId = (text: string): boolean => instanceId.test(text);

/** @throws Error when the folder's path is too long for the sockets below it, or the scope is not `[a-z0-9-]+` */
export function sharedLayout(hosts: string, scope: string): SharedLayout {
  if (!/^[a-z0-9-]+$/.test(scope)) throw new Error(`"${scope}" is not a scope: [a-z0-9-]+`);
  const excess =
    Math.max(
      ...[libnetworkSocket, `root${socketInside}`].map(
        (name) => join(hosts, "i-0123456789abcdef0", name).length,
      ),
    ) - longestSocketPath;
  if (excess > 0)
    throw new Error(
      `The folder ${hosts} is ${excess} characters too long for the engines' sockets. Choose a shorter data folder.`,
    );
  const containerd = join(hosts, "containerd");
  return {
    hosts,
    containerd,
    containerdSocket: join(containerd, "containerd.sock"),
    cgroup: `/estiba/${scope}`,
    containerdCgroup: `/estiba/${scope}/containerd`,
  };
}

/** @throws Error when the id is not an instance's: it becomes part of paths and names */
export function hostLayout(shared: SharedLayout, id: string): HostLayout {
  if (!isInstanceId(id)) throw new Error(`"${id}" is not the id of an instance.`);
  const folder = join(shared.hosts, id);
  const cgroup = `${shared.cgroup}/${id}`;
  return {
    id,
    folder,
    dataRoot: join(folder, "docker"),
    execRoot: join(folder, "run"),
    daemonConfig: join(folder, "daemon.json"),
    pidFile: join(folder, "docker.pid"),
    root: join(folder, "root"),
    socket: join(folder, "root", socketInside),
    enterScript: join(folder, "enter.sh"),
    initScript: join(folder, "init.sh"),
    rootMarker: join(folder, "root-stands"),
    console: join(folder, "console.log"),
    cgroup,
    systemCgroup: `${cgroup}/system`,
    tasksCgroup: `${cgroup}/ecs`,
    engineService: `engine-${id}`,
    agentService: `agent-${id}`,
    containerdNamespaces: [id, `${id}-plugins`],
  };
}
