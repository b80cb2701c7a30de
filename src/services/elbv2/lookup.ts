// Rows by the names and ARNs that callers use. A resource of another region is not found, as on AWS.
import type { ListenerRow, LoadBalancerRow, TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import type { Reader } from "#store/store.ts";
import { listeners, loadBalancers, targetGroups } from "#store/tables/elbv2.ts";
import { listenerNotFound, loadBalancerNotFound, targetGroupNotFound, validationError } from "./errors.ts";

type Kind = "load balancer" | "target group" | "listener";

const shapes: Readonly<Record<Kind, RegExp>> = {
  "load balancer": /^arn:aws:elasticloadbalancing:[^:]+:\d{12}:loadbalancer\/(app|net)\/[^/]+\/[^/]+$/,
  "target group": /^arn:aws:elasticloadbalancing:[^:]+:\d{12}:targetgroup\/[^/]+\/[^/]+$/,
  listener: /^arn:aws:elasticloadbalancing:[^:]+:\d{12}:listener\/(app|net)\/[^/]+\/[^/]+\/[^/]+$/,
};

/** @throws ValidationError when the text is no ARN of that kind */
export function checkArn(kind: Kind, arn: string | undefined): string {
  if (arn === undefined || !shapes[kind].test(arn))
    throw validationError(`'${arn ?? ""}' is not a valid ${kind} ARN`);
  return arn;
}

export function findLoadBalancer(
  reader: Reader,
  region: string,
  arn: string | undefined,
): LoadBalancerRow | undefined {
  const row = reader.find(loadBalancers, "arn", checkArn("load balancer", arn))[0]?.[1];
  return row?.region === region ? row : undefined;
}

export function loadBalancerOf(reader: Reader, region: string, arn: string | undefined): LoadBalancerRow {
  const row = findLoadBalancer(reader, region, arn);
  if (row === undefined) throw loadBalancerNotFound(`Load balancer '${arn}' not found`);
  return row;
}

export function findTargetGroup(
  reader: Reader,
  region: string,
  arn: string | undefined,
): TargetGroupRow | undefined {
  const row = reader.find(targetGroups, "arn", checkArn("target group", arn))[0]?.[1];
  return row?.region === region ? row : undefined;
}

export function targetGroupOf(reader: Reader, region: string, arn: string | undefined): TargetGroupRow {
  const row = findTargetGroup(reader, region, arn);
  if (row === undefined) throw targetGroupNotFound(`Target groups '${arn}' not found`);
  return row;
}

export function listenerOf(
  reader: Reader,
  region: string,
  arn: string | undefined,
): readonly [key: string, row: ListenerRow] {
  const found = reader.find(listeners, "arn", checkArn("listener", arn))[0];
  if (found?.[1].region !== region) throw listenerNotFound();
  return found;
}

/** ARNs of the load balancers in front of a target group, each once. */
export function loadBalancersInFront(reader: Reader, targetGroupArn: string): readonly string[] {
  return [
    ...new Set(reader.find(listeners, "targetGroup", targetGroupArn).map(([, row]) => row.loadBalancerArn)),
  ];
}
