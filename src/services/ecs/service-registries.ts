// The Cloud Map service that an ECS service names, checked as CreateService and UpdateService do it (Developer Guide, "Service
// discovery"): which container and port its tasks are registered with.
import type { ServiceRegistry as GivenRegistry } from "@aws-sdk/client-ecs";
import type { ServiceRegistry } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { Reader } from "#store/store.ts";
import { services as discoveryServices } from "#store/tables/servicediscovery.ts";
import { invalidParameter } from "./errors.ts";
import { honourOnly } from "./refuse.ts";

/** The API takes a list of one. */
const MOST_REGISTRIES = 1;

/** @throws InvalidParameterException */
export function readRegistries(given: readonly GivenRegistry[]): readonly ServiceRegistry[] {
  if (given.length > MOST_REGISTRIES)
    throw invalidParameter(`serviceRegistries can have at most ${MOST_REGISTRIES} items.`);
  return given.map((entry, i) => {
    const members = ["registryArn", "containerName", "containerPort", "port"] as const;
    honourOnly(entry, members, "InvalidParameterException", `serviceRegistries[${i}].`);
    const { registryArn = "", containerName, containerPort, port } = entry;
    if (registryArn === "") throw invalidParameter("registryArn cannot be blank.");
    if ((containerName === undefined) !== (containerPort === undefined))
      throw invalidParameter(
        "Both 'containerName' and 'containerPort' must be specified for a service registry.",
      );
    if (containerName !== undefined && port !== undefined)
      throw invalidParameter(
        "Either 'port' or 'containerName' and 'containerPort' can be specified for a service registry, not both.",
      );
    if (port !== undefined && (port < 1 || port > 65_535))
      throw invalidParameter("The port of a service registry must be between 1 and 65535.");
    return {
      registryArn,
      ...(containerName === undefined ? {} : { containerName }),
      ...(containerPort === undefined ? {} : { containerPort }),
      ...(port === undefined ? {} : { port }),
    };
  });
}

/** @throws InvalidParameterException unless every entry fits the definition and its Cloud Map service can hold the tasks */
export function checkRegistries(
  rows: Reader,
  region: string,
  entries: readonly ServiceRegistry[],
  definition: TaskDefinitionRow,
  launchType: "EC2" | "EXTERNAL" | "FARGATE",
): void {
  if (entries.length > 0 && launchType === "EXTERNAL")
    throw invalidParameter(
      "Service registries are not supported for services with the launch type EXTERNAL.",
    );
  const { networkMode = "bridge" } = definition.body;
  for (const entry of entries) {
    const found = rows.find(discoveryServices, "arn", entry.registryArn)[0]?.[1];
    if (found?.region !== region)
      throw invalidParameter(`The service registry ${entry.registryArn} does not exist.`);
    checkContainer(entry, definition);
    const has = (type: "A" | "SRV") => found.dnsRecords.some((record) => record.type === type);
    if (networkMode === "awsvpc") {
      if (has("SRV") && entry.port === undefined && entry.containerName === undefined)
        throw invalidParameter(
          "When specifying 'awsvpc' for networkMode and a service registry with SRV records, either 'port' or 'containerName' and 'containerPort' must be specified.",
        );
      continue;
    }
    if (networkMode === "none")
      throw invalidParameter("Service registries are not supported for the network mode 'none'.");
    if (entry.containerName === undefined)
      throw invalidParameter(
        "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified from the task definition.",
      );
    // Tasks share their host's address there: only a record that names the port leads to one of them.
    if (has("A"))
      throw invalidParameter(
        `The service registry ${entry.registryArn} has A records, which require the network mode awsvpc; only SRV records are supported for the network mode ${networkMode}.`,
      );
  }
}

function checkContainer({ containerName, containerPort }: ServiceRegistry, { body }: TaskDefinitionRow) {
  if (containerName === undefined) return;
  const container = body.containerDefinitions.find((c) => c.name === containerName);
  if (container === undefined)
    throw invalidParameter(`The container ${containerName} does not exist in the task definition.`);
  if (!(container.portMappings ?? []).some((mapping) => mapping.containerPort === containerPort))
    throw invalidParameter(
      `The container ${containerName} did not have a container port ${containerPort} defined.`,
    );
}
