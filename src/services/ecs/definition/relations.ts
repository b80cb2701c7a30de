// How the parts of a definition refer to each other: links, dependsOn, volumesFrom, mount points and volumes.
import type { ContainerDefinition, Volume } from "@aws-sdk/client-ecs";
import { clientException } from "../errors.ts";

/** @throws ClientException */
export function checkRelations(
  containers: readonly ContainerDefinition[],
  volumes: readonly Volume[],
  networkMode: string,
): void {
  checkVolumeNames(volumes);
  const known = new Map(containers.map((c) => [c.name, c]));
  const volumeNames = new Set(volumes.map((v) => v.name));
  for (const container of containers) {
    for (const { sourceVolume, containerPath } of container.mountPoints ?? []) {
      if (!volumeNames.has(sourceVolume)) throw clientException(`Unknown volume '${sourceVolume}'.`);
      if (containerPath === undefined || containerPath === "")
        throw clientException("Mount point containerPath should not be null or empty.");
    }
    for (const { sourceContainer } of container.volumesFrom ?? [])
      if (!known.has(sourceContainer) || sourceContainer === container.name)
        throw clientException(`Unknown container '${sourceContainer}' in volumesFrom.`);
    checkLinks(container, known, networkMode);
    if (networkMode === "awsvpc") checkSharedNetwork(container);
    for (const { containerName, condition = "" } of container.dependsOn ?? [])
      checkDependency(container, known.get(containerName), containerName, condition);
  }
  checkCycles(containers, linkedTo, "Container links should not have a cycle");
  checkCycles(
    containers,
    (c) => [
      ...linkedTo(c),
      ...(c.dependsOn ?? []).map((d) => d.containerName ?? ""),
      ...(c.volumesFrom ?? []).map((v) => v.sourceContainer ?? ""),
    ],
    "Container dependencies should not have a cycle",
  );
}

function checkVolumeNames(volumes: readonly Volume[]): void {
  const names = new Set<string>();
  for (const { name = "", host, dockerVolumeConfiguration } of volumes) {
    if (name === "") throw clientException("Volume.name should not be null or empty.");
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(name))
      throw clientException("Volume.name contains invalid characters.");
    if (names.has(name)) throw clientException(`Duplicate volume name '${name}'.`);
    names.add(name);
    if (host !== undefined && dockerVolumeConfiguration !== undefined)
      throw clientException(`Only one volume configuration can be specified for volume '${name}'.`);
  }
}

const linkedTo = (container: ContainerDefinition): string[] =>
  (container.links ?? []).map((link) => link.split(":")[0] ?? "");

type Known = ReadonlyMap<string | undefined, ContainerDefinition>;

function checkLinks(container: ContainerDefinition, known: Known, networkMode: string): void {
  for (const link of container.links ?? []) {
    if (networkMode !== "bridge")
      throw clientException(`Links are not supported when networkMode=${networkMode}.`);
    if (!/^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$/.test(link))
      throw clientException(`Invalid 'links' setting for container '${container.name}'.`);
    if (!known.has(link.split(":")[0])) throw clientException(`Unknown container '${link}' in links.`);
  }
}

/** What would be each container's own and is the task's: its containers share one network (API reference, "ContainerDefinition"). */
function checkSharedNetwork(container: ContainerDefinition): void {
  for (const setting of ["hostname", "dnsServers", "dnsSearchDomains", "extraHosts"] as const) {
    const value = container[setting];
    if (value !== undefined && value.length > 0)
      throw clientException(
        `Invalid '${setting}' setting for container '${container.name}'. It is not supported when networkMode=awsvpc.`,
      );
  }
}

function checkDependency(
  container: ContainerDefinition,
  on: ContainerDefinition | undefined,
  name: string | undefined,
  condition: string,
): void {
  if (on === undefined)
    throw clientException(`Cannot depend on container + '${name}' because it does not exist`);
  if (!["START", "COMPLETE", "SUCCESS", "HEALTHY"].includes(condition))
    throw clientException(`Invalid 'dependsOn.condition' setting for container '${container.name}'.`);
  if ((condition === "SUCCESS" || condition === "COMPLETE") && (on.essential ?? true))
    throw clientException(
      "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    );
  if (condition === "HEALTHY" && on.healthCheck === undefined)
    throw clientException(
      `A dependency container with HEALTHY condition must have a health check: '${name}' has none`,
    );
}

function checkCycles(
  containers: readonly ContainerDefinition[],
  next: (container: ContainerDefinition) => readonly string[],
  message: string,
): void {
  const edges = new Map(containers.map((c) => [c.name ?? "", next(c)]));
  const done = new Set<string>();
  const visit = (name: string, path: ReadonlySet<string>): void => {
    if (path.has(name)) throw clientException(message);
    if (done.has(name)) return;
    const here = new Set(path).add(name);
    for (const to of edges.get(name) ?? []) visit(to, here);
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, new Set());
}
