// The agent's own JSON in user data: its members become the ECS_* lines of the host's ecs.config. Unknown members are refused.
// Members: https://github.com/aws/amazon-ecs-agent (the agent's configuration file).
import { messageOf } from "#lib/errors.ts";
import { quote } from "./shell.ts";
import { UserDataRefused } from "./user-data-refused.ts";

const variables: Readonly<Record<string, string>> = {
  AppArmorCapable: "ECS_APPARMOR_CAPABLE",
  AvailableLoggingDrivers: "ECS_AVAILABLE_LOGGING_DRIVERS",
  Checkpoint: "ECS_CHECKPOINT",
  Cluster: "ECS_CLUSTER",
  ContainerInstanceTags: "ECS_CONTAINER_INSTANCE_TAGS",
  DisableMetrics: "ECS_DISABLE_METRICS",
  EngineAuthData: "ECS_ENGINE_AUTH_DATA",
  EngineAuthType: "ECS_ENGINE_AUTH_TYPE",
  ImageCleanupDisabled: "ECS_DISABLE_IMAGE_CLEANUP",
  InstanceAttributes: "ECS_INSTANCE_ATTRIBUTES",
  PrivilegedDisabled: "ECS_DISABLE_PRIVILEGED",
  ReservedMemory: "ECS_RESERVED_MEMORY",
  ReservedPorts: "ECS_RESERVED_PORTS",
  ReservedPortsUDP: "ECS_RESERVED_PORTS_UDP",
  SELinuxCapable: "ECS_SELINUX_CAPABLE",
  SpotInstanceDrainingEnabled: "ECS_ENABLE_SPOT_INSTANCE_DRAINING",
  TaskENIEnabled: "ECS_ENABLE_TASK_ENI",
  TaskIAMRoleEnabled: "ECS_ENABLE_TASK_IAM_ROLE",
  TaskIAMRoleEnabledForNetworkHost: "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST",
};

/** @throws UserDataRefused */
export function agentConfigurationScript(text: string): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new UserDataRefused(`It begins as JSON but is none: ${messageOf(error)}`);
  }
  const { ECSAgentConfiguration: configuration, ...rest } = document as Record<string, unknown>;
  if (typeof configuration !== "object" || configuration === null || Object.keys(rest).length > 0)
    throw new UserDataRefused("JSON user data has one member, ECSAgentConfiguration, and that is an object.");
  const lines = Object.entries(configuration).map(([member, value]) => {
    const variable = variables[member];
    if (variable === undefined)
      throw new UserDataRefused(`ECSAgentConfiguration.${member} is not supported.`);
    return `${variable}=${typeof value === "string" ? value : JSON.stringify(value)}`;
  });
  return [
    "#!/bin/sh",
    ...lines.map((line) => `printf '%s\\n' ${quote(line)} >> /etc/ecs/ecs.config`),
    "",
  ].join("\n");
}
