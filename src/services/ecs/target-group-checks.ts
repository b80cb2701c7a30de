// The target groups that a service names, checked as CreateService and UpdateService do it, in AWS's words.
import type { LoadBalancer } from "@aws-sdk/client-ecs";
import type { ServiceLoadBalancer } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { Reader } from "#store/store.ts";
import { listeners, targetGroups } from "#store/tables/elbv2.ts";
import { invalidParameter, notImplemented } from "./errors.ts";
import { honourOnly } from "./refuse.ts";

const MOST_TARGET_GROUPS = 5;

/** @throws InvalidParameterException */
export function readLoadBalancers(given: readonly LoadBalancer[]): readonly ServiceLoadBalancer[] {
  if (given.length > MOST_TARGET_GROUPS)
    throw invalidParameter(`loadBalancers can have at most ${MOST_TARGET_GROUPS} items.`);
  const seen = new Set<string>();
  return given.map((entry, i) => {
    const path = `loadBalancers[${i}].`;
    if (entry.loadBalancerName !== undefined)
      throw notImplemented(`The member '${path}loadBalancerName' (Classic Load Balancers)`);
    const honoured = ["targetGroupArn", "containerName", "containerPort"] as const;
    honourOnly(entry, honoured, "InvalidParameterException", path);
    const { targetGroupArn = "", containerName = "", containerPort } = entry;
    if (targetGroupArn === "") throw invalidParameter("targetGroupArn cannot be blank.");
    if (containerName === "") throw invalidParameter("Container name cannot be blank.");
    if (containerPort === undefined) throw invalidParameter("Container port cannot be blank.");
    const identity = `${targetGroupArn} ${containerName} ${containerPort}`;
    if (seen.has(identity))
      throw invalidParameter(`The target group ${targetGroupArn} is specified more than once.`);
    seen.add(identity);
    return { targetGroupArn, containerName, containerPort };
  });
}

/** @throws InvalidParameterException unless every entry fits the definition and its target group can serve it */
export function checkTargetGroups(
  rows: Reader,
  region: string,
  entries: readonly ServiceLoadBalancer[],
  definition: TaskDefinitionRow,
  launchType: "EC2" | "EXTERNAL" | "FARGATE",
): void {
  if (entries.length > 0 && launchType === "EXTERNAL")
    throw invalidParameter("Load balancers are not supported for services with the launch type EXTERNAL.");
  for (const entry of entries) {
    checkContainer(entry, definition);
    checkTargetGroup(rows, region, entry.targetGroupArn, definition.body.networkMode ?? "bridge");
  }
}

function checkContainer(
  { containerName, containerPort }: ServiceLoadBalancer,
  { body }: TaskDefinitionRow,
): void {
  const container = body.containerDefinitions.find((c) => c.name === containerName);
  if (container === undefined)
    throw invalidParameter(`The container ${containerName} does not exist in the task definition.`);
  const isExposed = (container.portMappings ?? []).some(
    (mapping) => mapping.containerPort === containerPort && (mapping.protocol ?? "tcp") === "tcp",
  );
  if (!isExposed)
    throw invalidParameter(
      `The container ${containerName} did not have a container port ${containerPort} defined.`,
    );
}

function checkTargetGroup(rows: Reader, region: string, arn: string, networkMode: string): void {
  const group = rows.find(targetGroups, "arn", arn)[0]?.[1];
  if (group?.region !== region) throw invalidParameter(`The target group ${arn} does not exist.`);
  // Only awsvpc tasks have an address of their own to register.
  if ((group.targetType === "ip") !== (networkMode === "awsvpc"))
    throw invalidParameter(
      `The provided target group ${arn} has target type ${group.targetType}, which is incompatible with the ${networkMode} network mode specified in the task definition.`,
    );
  if (rows.find(listeners, "targetGroup", arn).length === 0)
    throw invalidParameter(
      `The target group with targetGroupArn ${arn} does not have an associated load balancer.`,
    );
}
