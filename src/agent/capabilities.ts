// The attributes by which this agent tells what it can do (agent protocol, "Capability attributes"). Placement believes them, so
// nothing stands here that this agent does not honour. Pure.
import type { AgentConfig } from "./config.ts";
import type { EngineInfo } from "./engine/port.ts";

export interface Attribute {
  readonly name: string;
  readonly value?: string;
}

export interface Abilities {
  /** Task credentials are served at 169.254.170.2. */
  readonly servesCredentials: boolean;
  /** A task's CPU and memory are limited as a whole. */
  readonly limitsTasks: boolean;
  /** Tasks can have network interfaces of their own. */
  readonly taskInterfaces?: boolean;
  /** Such tasks do not reach the instance's metadata: it was asked for. */
  readonly blocksMetadata?: boolean;
  /** Secrets of tasks are fetched, for environments and log drivers. */
  readonly fetchesSecrets?: boolean;
  /** The host is no EC2 instance. */
  readonly external?: boolean;
  /** The log driver `awslogs` gets the execution role's credentials. */
  readonly logsByExecutionRole?: boolean;
}

const A = "ecs.capability.";
const B = "com.amazonaws.ecs.capability.";
/** Those that the stock agent names; every engine this agent can use speaks them. */
const REMOTE_API_VERSIONS = [17, 18, 19, 20, 21, 22, 23, 24, 25, 28, 29, 30, 32];

const SECRETS = ["ssm", "asm"].flatMap((provider) => [
  `${A}secrets.${provider}.environment-variables`,
  `${A}secrets.${provider}.bootstrap.log-driver`,
]);

export function agentAttributes(
  config: Pick<AgentConfig, "logDrivers">,
  engine: Pick<EngineInfo, "logDrivers">,
  abilities: Abilities,
): readonly Attribute[] {
  const drivers = config.logDrivers.filter((d) => d === "none" || engine.logDrivers.includes(d));
  const names = [
    `${B}privileged-container`,
    ...REMOTE_API_VERSIONS.map((minor) => `${B}docker-remote-api.1.${minor}`),
    ...drivers.map((driver) => `${B}logging-driver.${driver}`),
    `${A}container-ordering`,
    `${A}container-restart-policy`,
    `${A}container-health-check`,
    `${A}full-sync`,
    `${A}docker-plugin.local`,
    ...(abilities.limitsTasks ? [`${A}task-cpu-mem-limit`] : []),
    ...(abilities.taskInterfaces === true ? [`${A}task-eni`] : []),
    ...(abilities.taskInterfaces === true && abilities.blocksMetadata === true
      ? [`${A}task-eni-block-instance-metadata`]
      : []),
    ...(abilities.external === true ? [`${A}external`] : []),
    ...(abilities.fetchesSecrets === true ? SECRETS : []),
    ...(abilities.logsByExecutionRole === true ? [`${A}execution-role-awslogs`] : []),
    ...(abilities.servesCredentials ? [`${B}task-iam-role`, `${B}task-iam-role-network-host`] : []),
  ];
  return [
    ...names.map((name) => ({ name })),
    { name: "ecs.os-type", value: "linux" },
    { name: "ecs.os-family", value: "LINUX" },
    { name: "ecs.os-type-detailed", value: "LINUX" },
  ];
}
