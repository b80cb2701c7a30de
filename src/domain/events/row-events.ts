// Which events a change of a row makes: what ECS and EC2 tell EventBridge (ECS Developer Guide, "Amazon ECS events"; EC2 User
// Guide, "Automate Amazon EC2 using EventBridge"). `undefined` before: the row is new.
import { formatArn } from "#lib/arn.ts";
import type { InstanceRow } from "../ec2/instance.ts";
import type { ContainerInstanceRow } from "../ecs/container-instance.ts";
import type { ServiceRow } from "../ecs/service.ts";
import type { TaskRow } from "../ecs/task.ts";
import type { NewEvent } from "./delivery.ts";
import { instanceDetail } from "./instance-detail.ts";
import { present, taskDetail, time } from "./task-detail.ts";

export function taskEvents(
  before: TaskRow | undefined,
  after: TaskRow,
  instance: ContainerInstanceRow | undefined,
  now: number,
): readonly NewEvent[] {
  if (before?.version === after.version) return [];
  const detailType = "ECS Task State Change";
  return [ofEcs(after.region, detailType, after.arn, taskDetail(after, instance, now), now)];
}

/** `tasks`: those of the instance that are not STOPPED. */
export function containerInstanceEvents(
  before: ContainerInstanceRow | undefined,
  after: ContainerInstanceRow,
  tasks: () => readonly TaskRow[],
  now: number,
): readonly NewEvent[] {
  // Fargate's hosts are in a cluster of no name that a cluster may have, and nobody's to see.
  if (before?.version === after.version || after.clusterName.startsWith(".")) return [];
  const detailType = "ECS Container Instance State Change";
  return [ofEcs(after.region, detailType, after.arn, instanceDetail(after, tasks(), now), now)];
}

/** "ECS Service Action" and "ECS Deployment State Change". */
export function serviceEvents(
  before: ServiceRow | undefined,
  after: ServiceRow,
  now: number,
): readonly NewEvent[] {
  const action = (eventType: string, eventName: string, reason?: string): NewEvent => {
    const { clusterArn } = after;
    const detail = present({ eventType, eventName, clusterArn, createdAt: time(now), reason });
    return ofEcs(after.region, "ECS Service Action", after.arn, detail, now);
  };
  const events: NewEvent[] = [];
  for (const deployment of after.deployments) {
    const known = before?.deployments.find(({ id }) => id === deployment.id);
    if (known?.rolloutState !== deployment.rolloutState) {
      const detail = present({
        eventType: deployment.rolloutState === "FAILED" ? "ERROR" : "INFO",
        eventName: `SERVICE_DEPLOYMENT_${deployment.rolloutState}`,
        deploymentId: deployment.id,
        updatedAt: time(deployment.updatedAt),
        reason: deployment.rolloutStateReason,
      });
      events.push(ofEcs(after.region, "ECS Deployment State Change", after.arn, detail, now));
    }
    // Starts that fail again and again are put off: the service event says "unable to consistently start tasks".
    if (deployment.notBefore !== undefined && known?.notBefore === undefined)
      events.push(action("WARN", "SERVICE_TASK_START_IMPAIRED"));
  }
  const { shortfall, lastSteadyEventAt } = after;
  if (shortfall !== undefined && shortfall.reason !== before?.shortfall?.reason)
    events.push(action("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", shortfall.reason));
  if (lastSteadyEventAt !== undefined && lastSteadyEventAt !== before?.lastSteadyEventAt)
    events.push(action("INFO", "SERVICE_STEADY_STATE"));
  return events;
}

/** "EC2 Instance State-change Notification" and "EC2 Spot Instance Interruption Warning". */
export function ec2InstanceEvents(
  before: InstanceRow | undefined,
  after: InstanceRow,
  now: number,
): readonly NewEvent[] {
  // What Fargate runs on is nobody's to see.
  if ("fargate" in after) return [];
  const { region, ownerId: account, id } = after;
  const arn = formatArn({ service: "ec2", region, account, resource: `instance/${id}` });
  const of = (detailType: string, detail: NewEvent["detail"]): NewEvent => ({
    source: "aws.ec2",
    detailType,
    region,
    resources: [arn],
    detail,
    time: now,
    subject: arn,
  });
  const events: NewEvent[] = [];
  if (before?.state !== after.state)
    events.push(of("EC2 Instance State-change Notification", { "instance-id": id, state: after.state }));
  if (after.spot?.interruption !== undefined && before?.spot?.interruption === undefined)
    events.push(
      of("EC2 Spot Instance Interruption Warning", { "instance-id": id, "instance-action": "terminate" }),
    );
  return events;
}

const ofEcs = (
  region: string,
  detailType: string,
  arn: string,
  detail: NewEvent["detail"],
  now: number,
): NewEvent => ({
  source: "aws.ecs",
  detailType,
  region,
  resources: [arn],
  detail,
  time: now,
  subject: arn,
});
