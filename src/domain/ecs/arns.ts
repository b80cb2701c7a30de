// ARNs of ECS resources (Service Authorization Reference, "Amazon ECS"), long format, and the way back.
import { formatArn, parseArn } from "#lib/arn.ts";

const ecs = (region: string, account: string, resource: string) =>
  formatArn({ service: "ecs", region, account, resource });

export const clusterArn = (region: string, account: string, name: string) =>
  ecs(region, account, `cluster/${name}`);
export const capacityProviderArn = (region: string, account: string, name: string) =>
  ecs(region, account, `capacity-provider/${name}`);
export const taskDefinitionArn = (region: string, account: string, family: string, revision: number) =>
  ecs(region, account, `task-definition/${family}:${revision}`);
export const attachmentArn = (region: string, account: string, id: string) =>
  ecs(region, account, `attachment/${id}`);
export const taskArn = (region: string, account: string, cluster: string, id: string) =>
  ecs(region, account, `task/${cluster}/${id}`);
export const containerArn = (region: string, account: string, cluster: string, task: string, id: string) =>
  ecs(region, account, `container/${cluster}/${task}/${id}`);
export const containerInstanceArn = (region: string, account: string, cluster: string, id: string) =>
  ecs(region, account, `container-instance/${cluster}/${id}`);
export const serviceArn = (region: string, account: string, cluster: string, name: string) =>
  ecs(region, account, `service/${cluster}/${name}`);
export const serviceDeploymentArn = (
  region: string,
  account: string,
  cluster: string,
  name: string,
  id: string,
) => ecs(region, account, `service-deployment/${cluster}/${name}/${id}`);
export const serviceRevisionArn = (
  region: string,
  account: string,
  cluster: string,
  name: string,
  id: string,
) => ecs(region, account, `service-revision/${cluster}/${name}/${id}`);

/** `task/web/0123` of an ECS ARN as ["task", "web", "0123"]; undefined for anything else. */
export function ecsResourceOf(
  arn: string,
): { readonly region: string; readonly account: string; readonly parts: readonly string[] } | undefined {
  const parsed = parseArn(arn);
  if (parsed?.service !== "ecs") return undefined;
  return { region: parsed.region, account: parsed.account, parts: parsed.resource.split("/") };
}
/** The store key (region/cluster/id) behind the ARN of a task, container instance or service. */
export function keyOfEcsArn(arn: string): string | undefined {
  const found = ecsResourceOf(arn);
  if (found === undefined || found.parts.length < 2) return undefined;
  return [found.region, ...found.parts.slice(1)].join("/");
}
