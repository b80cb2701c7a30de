// Port mappings by network mode (API reference, "PortMapping"): in bridge mode 0 is the agent's choice, in host and awsvpc
// mode the port is the container's.
import type { ContainerDefinition, PortMapping } from "@aws-sdk/client-ecs";
import { clientException } from "../errors.ts";

/** The mapping as Describe answers it. @throws ClientException */
export function normaliseMapping(
  container: ContainerDefinition,
  mapping: PortMapping,
  networkMode: string,
): PortMapping {
  const { containerPort, protocol = "tcp" } = mapping;
  const invalid = (setting: string) =>
    clientException(`Invalid '${setting}' setting for container '${container.name}'.`);
  if (containerPort === undefined || !isPort(containerPort, 1)) throw invalid("containerPort");
  if (mapping.hostPort !== undefined && !isPort(mapping.hostPort, 0)) throw invalid("hostPort");
  if (protocol !== "tcp" && protocol !== "udp") throw invalid("protocol");
  const isSame = networkMode === "host" || networkMode === "awsvpc";
  if (isSame && mapping.hostPort !== undefined && mapping.hostPort !== 0)
    if (mapping.hostPort !== containerPort)
      throw clientException(
        `When networkMode=${networkMode}, the host ports and container ports in port mappings must match.`,
      );
  const hostPort = isSame ? containerPort : (mapping.hostPort ?? 0);
  return { ...mapping, containerPort, hostPort, protocol };
}

const isPort = (port: number, least: number): boolean =>
  Number.isInteger(port) && port >= least && port <= 65_535;

/** Over all containers: a fixed host port can be had once, and a mapping's name is its own. @throws ClientException */
export function checkMappings(containers: readonly ContainerDefinition[], networkMode: string): void {
  const taken = new Set<string>();
  const names = new Set<string>();
  for (const { name: container, portMappings = [] } of containers) {
    if (networkMode === "none" && portMappings.length > 0)
      throw clientException("When networkMode=none, port mappings are not supported.");
    for (const { hostPort = 0, protocol, name, appProtocol } of portMappings) {
      const port = `${hostPort}/${protocol}`;
      if (hostPort !== 0 && taken.has(port))
        throw clientException(
          `Invalid 'hostPort' setting for container '${container}'. The host port ${port} is mapped more than once.`,
        );
      taken.add(port);
      if (appProtocol !== undefined && name === undefined)
        throw clientException("Port mapping with 'appProtocol' must also specify a 'name'.");
      if (name === undefined) continue;
      if (!/^[a-z0-9_][a-z0-9_-]{0,63}$/.test(name))
        throw clientException(`Invalid port mapping name '${name}'.`);
      if (names.has(name)) throw clientException(`Duplicate port mapping name '${name}'.`);
      names.add(name);
    }
  }
}
