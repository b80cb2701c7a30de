// What a container definition may say (API reference, "ContainerDefinition"), each refusal in AWS's words where they are known.
import type { ContainerDefinition, HealthCheck } from "@aws-sdk/client-ecs";
import { clientException } from "../errors.ts";

const NAME = /^[A-Za-z0-9_-]{1,255}$/;
/** Docker refuses containers with less (Developer Guide, "Container definitions", memory). */
const SMALLEST_MEMORY_MIB = 4;

/** @param taskMemory MiB, when the task has a size */
export function checkContainers(
  containers: readonly ContainerDefinition[],
  taskMemory: number | undefined,
): void {
  if (containers.length === 0) throw clientException("Container list cannot be empty.");
  if (containers.length > 10) throw clientException("Too many containers.");
  const names = new Set<string>();
  for (const container of containers) {
    checkIdentity(container);
    if (names.has(container.name ?? ""))
      throw clientException(`Duplicate container name '${container.name}'.`);
    names.add(container.name ?? "");
    checkSize(container, taskMemory);
    checkHealthCheck(container);
    checkDetails(container);
  }
  if (!containers.some((c) => c.essential ?? true))
    throw clientException("Task definition doesn't have any essential container.");
}

const settingError = (container: ContainerDefinition, setting: string) =>
  clientException(`Invalid '${setting}' setting for container '${container.name}'.`);

function checkIdentity({ name, image }: ContainerDefinition): void {
  if (name === undefined || name === "") throw clientException("Container.name should not be null or empty.");
  if (name.length > 255) throw clientException("Container.name should be 255 characters or less");
  if (!NAME.test(name)) throw clientException("Container.name contains invalid characters.");
  if (image === undefined || image === "")
    throw clientException("Container.image should not be null or empty.");
  if (image.length > 255) throw clientException("Container.image should be 255 characters or less");
  if (!/^[A-Za-z0-9][\w./:@-]*$/.test(image))
    throw clientException("Container.image contains invalid characters.");
}

function checkSize(container: ContainerDefinition, taskMemory: number | undefined): void {
  const { name, cpu, memory, memoryReservation } = container;
  if (cpu !== undefined && !(Number.isInteger(cpu) && cpu >= 0)) throw settingError(container, "cpu");
  for (const [setting, value] of Object.entries({ memory, memoryReservation }))
    if (value !== undefined && !(Number.isInteger(value) && value >= SMALLEST_MEMORY_MIB))
      throw settingError(container, setting);
  if (memory === undefined && memoryReservation === undefined && taskMemory === undefined)
    throw clientException(
      `Invalid setting for container '${name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
    );
  if (memory !== undefined && memoryReservation !== undefined && memory < memoryReservation)
    throw clientException(
      `Invalid setting for container '${name}'. 'memory' must be greater than or equal to 'memoryReservation'.`,
    );
  if (taskMemory !== undefined)
    for (const [setting, value] of Object.entries({ memory, memoryReservation }))
      if (value !== undefined && value > taskMemory)
        throw clientException(
          `The '${setting}' setting for container '${name}' is greater than for the task.`,
        );
}

const HEALTH_RANGES: readonly [keyof HealthCheck, number, number][] = [
  ["interval", 5, 300],
  ["timeout", 2, 60],
  ["retries", 1, 10],
  ["startPeriod", 0, 300],
];

function checkHealthCheck(container: ContainerDefinition): void {
  const check = container.healthCheck;
  if (check === undefined) return;
  const [kind, ...rest] = check.command ?? [];
  if ((kind !== "CMD" && kind !== "CMD-SHELL") || rest.length === 0)
    throw clientException(
      `Invalid 'healthCheck.command' setting for container '${container.name}'. The command must start with CMD or CMD-SHELL.`,
    );
  for (const [member, least, most] of HEALTH_RANGES) {
    const value = check[member] as number | undefined;
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
      throw clientException(
        `Invalid 'healthCheck.${member}' setting for container '${container.name}'. The value must be between ${least} and ${most}.`,
      );
  }
}

const ULIMITS =
  /^(core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack)$/;
const CAPABILITY = /^(ALL|[A-Z]+(_[A-Z]+)*)$/;

function checkDetails(container: ContainerDefinition): void {
  const { ulimits = [], environment = [], linuxParameters: linux, restartPolicy: policy } = container;
  for (const { name, softLimit, hardLimit } of ulimits)
    if (name === undefined || !ULIMITS.test(name) || (softLimit ?? 0) > (hardLimit ?? 0))
      throw settingError(container, "ulimits");
  for (const { name } of environment)
    if (name === undefined || name === "")
      throw clientException(`Invalid 'environment' setting for container '${container.name}'.`);
  for (const setting of ["startTimeout", "stopTimeout"] as const) {
    const value = container[setting];
    if (value !== undefined && !(Number.isInteger(value) && value >= 0))
      throw settingError(container, setting);
  }
  for (const { hostname, ipAddress } of container.extraHosts ?? [])
    if (!hostname || !ipAddress) throw settingError(container, "extraHosts");
  for (const { namespace, value } of container.systemControls ?? [])
    if (!namespace || value === undefined) throw settingError(container, "systemControls");
  const capabilities = [...(linux?.capabilities?.add ?? []), ...(linux?.capabilities?.drop ?? [])];
  if (!capabilities.every((c) => CAPABILITY.test(c)))
    throw settingError(container, "linuxParameters.capabilities");
  const swappiness = linux?.swappiness;
  if (swappiness !== undefined && !(Number.isInteger(swappiness) && swappiness >= 0 && swappiness <= 100))
    throw settingError(container, "linuxParameters.swappiness");
  if (linux?.maxSwap !== undefined && !(Number.isInteger(linux.maxSwap) && linux.maxSwap >= 0))
    throw settingError(container, "linuxParameters.maxSwap");
  // Docker counts swap on top of a hard limit: without one there is nothing to set it from.
  if (linux?.maxSwap !== undefined && container.memory === undefined)
    throw clientException(
      `Invalid setting for container '${container.name}'. 'memory' must be specified with 'linuxParameters.maxSwap'.`,
    );
  if (policy === undefined) return;
  const period = policy.restartAttemptPeriod;
  if (period !== undefined && !(Number.isInteger(period) && period >= 60 && period <= 1800))
    throw settingError(container, "restartPolicy.restartAttemptPeriod");
  if ((policy.ignoredExitCodes ?? []).length > 50)
    throw settingError(container, "restartPolicy.ignoredExitCodes");
}
