// Which host ports a task's containers get: static ones as asked, dynamic ones chosen (agent protocol, "Ports"). Pure.
import type { WireTask } from "#acs/messages.ts";
import type { AssignedPort } from "./task/state.ts";

export type PortKey = `${"tcp" | "udp"}/${number}`;
export const portKey = (protocol: "tcp" | "udp", port: number): PortKey => `${protocol}/${port}`;

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type PortChoice =
  | { readonly ports: Readonly<Record<string, readonly AssignedPort[]>> }
  /** No room now: a static port is taken, or the range is used up. */
  | { readonly lacking: PortKey | "dynamic" };

/** In host mode every container port is the host's; in other modes than bridge and host no port is taken. */
export function choosePorts(
  task: WireTask,
  range: PortRange,
  isTaken: (key: PortKey) => boolean,
): PortChoice {
  const mode = task.networkMode ?? "bridge";
  if (mode !== "bridge" && mode !== "host") return { ports: {} };
  const wanted = task.containers.flatMap((c) =>
    c.portMappings.map((p) => ({
      container: c.name,
      containerPort: p.containerPort,
      protocol: p.protocol,
      hostPort: mode === "host" ? p.containerPort : p.hostPort,
    })),
  );
  const own = new Set<PortKey>();
  const ports: Record<string, AssignedPort[]> = {};
  const assign = ({ container, ...port }: (typeof wanted)[number]) => {
    own.add(portKey(port.protocol, port.hostPort));
    (ports[container] ??= []).push(port);
  };
  for (const port of wanted.filter((p) => p.hostPort !== 0)) {
    const key = portKey(port.protocol, port.hostPort);
    if (isTaken(key)) return { lacking: key };
    assign(port);
  }
  for (const port of wanted.filter((p) => p.hostPort === 0)) {
    let hostPort = range.first;
    while (
      hostPort <= range.last &&
      (own.has(portKey(port.protocol, hostPort)) || isTaken(portKey(port.protocol, hostPort)))
    )
      hostPort++;
    if (hostPort > range.last) return { lacking: "dynamic" };
    assign({ ...port, hostPort });
  }
  return { ports };
}

export function portKeysOf(ports: Readonly<Record<string, readonly AssignedPort[]>>): readonly PortKey[] {
  return Object.values(ports).flatMap((list) => list.map((p) => portKey(p.protocol, p.hostPort)));
}
