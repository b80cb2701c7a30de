// Rows → agent messages. Follows the tasks by watch and sends each connected agent the orders that its tasks mean; on a new
// connection it sends the manifest and every open order again, because acks are not kept.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { RoleCredentials, WireNetworkInterface, WireTask } from "#acs/messages.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { CredentialIssuer, TaskRoleType } from "#domain/ports/credential-issuer.ts";
import type { Store } from "#store/store.ts";
import { subnets } from "#store/tables/ec2.ts";
import { taskDefinitions, tasks } from "#store/tables/ecs.ts";
import { manifestStatus, orderFor, type Order } from "./orders.ts";
import { credentialsOf } from "./task-credentials.ts";
import { interfacesOf } from "./wire-interfaces.ts";
import { toStopOrder, toWireTask } from "./wire-task.ts";

/** One agent's connection as far as dispatch needs it. */
export interface AgentChannel {
  sendTasks(tasks: readonly WireTask[]): void;
  sendInterfaces(taskArn: string, interfaces: readonly WireNetworkInterface[], waitTimeoutMs: number): void;
  sendManifest(tasks: readonly ManifestTask[]): void;
  sendCredentials(taskArn: string, roleType: TaskRoleType, credentials: RoleCredentials): void;
}

export interface ManifestTask {
  readonly taskArn: string;
  readonly taskClusterArn: string;
  readonly desiredStatus: "RUNNING" | "STOPPED";
}

export interface Dispatch {
  start(): void;
  /** A new connection; replaces the instance's former one. `endpoint`: the URL by which the host reaches this server. */
  attach(instanceArn: string, channel: AgentChannel, endpoint?: string): void;
  detach(instanceArn: string, channel: AgentChannel): void;
  /** The tasks that the instance should be running, for the answer to a stop verification. */
  manifestOf(instanceArn: string): readonly ManifestTask[];
  close(): void;
}

interface Link {
  readonly channel: AgentChannel;
  readonly endpoint: string | undefined;
  /** Task ARN → the last order sent over this connection. */
  readonly sent: Map<string, Order>;
}

/** More would make messages that an agent reads slowly. */
const TASKS_PER_PAYLOAD = 10;

export function createDispatch({
  store,
  issuer,
  clock,
  logger,
  endpointFor,
}: {
  readonly store: Store;
  readonly issuer: CredentialIssuer;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** The control plane's base URL in a VPC. */
  readonly endpointFor?: (vpcId: string) => string;
}): Dispatch {
  const links = new Map<string, Link>();
  let watch: ReturnType<Store["snapshotAndWatch"]> | undefined;

  const tasksOn = (instanceArn: string) =>
    store.find(tasks, "activeOnInstance", instanceArn).map(([, row]) => row);
  const manifestOf = (instanceArn: string): readonly ManifestTask[] =>
    tasksOn(instanceArn).map((t) => ({
      taskArn: t.arn,
      taskClusterArn: t.clusterArn,
      desiredStatus: manifestStatus(t),
    }));

  const definitionOf = (task: TaskRow) =>
    store.find(taskDefinitions, "arn", task.taskDefinitionArn)[0]?.[1].body;
  const wireTask = (task: TaskRow, order: Order, endpoint: string | undefined): WireTask | undefined => {
    if (order === "stop") return toStopOrder(task);
    const definition = definitionOf(task);
    if (definition !== undefined)
      return toWireTask(
        task,
        definition,
        credentialsOf(issuer, task, definition),
        endpoint,
        interfacesOf(store, task),
        taskEndpoint(task, endpoint),
      );
    logger.error("A task's definition is gone", {
      taskArn: task.arn,
      taskDefinitionArn: task.taskDefinitionArn,
    });
    return undefined;
  };

  /** A Fargate task is in another VPC than its host. */
  const taskEndpoint = ({ launchType, region, attachment }: TaskRow, ofHost: string | undefined) => {
    if (launchType !== "FARGATE" || attachment === undefined || endpointFor === undefined) return ofHost;
    const subnet = store.get(subnets, ec2Key(region, attachment.subnetId));
    return subnet === undefined ? ofHost : endpointFor(subnet.vpcId);
  };

  /** The agent looks out for the interface; its confirmation makes the task one to run. */
  const announce = (link: Link, task: TaskRow) => {
    const left = (task.attachment?.attachBy ?? 0) - clock.now();
    const interfaces = interfacesOf(store, task);
    if (left <= 0 || interfaces.length === 0) return;
    link.sent.set(task.arn, "attach");
    link.channel.sendInterfaces(task.arn, interfaces, left);
  };

  const send = (link: Link, rows: readonly TaskRow[]) => {
    const payload: WireTask[] = [];
    for (const task of rows) {
      const order = orderFor(task);
      if (order === undefined || link.sent.get(task.arn) === order) continue;
      if (order === "attach") {
        announce(link, task);
        continue;
      }
      const wire = wireTask(task, order, link.endpoint);
      if (wire === undefined) continue;
      link.sent.set(task.arn, order);
      payload.push(wire);
    }
    for (let i = 0; i < payload.length; i += TASKS_PER_PAYLOAD)
      link.channel.sendTasks(payload.slice(i, i + TASKS_PER_PAYLOAD));
  };

  const onChange = () => {
    const byInstance = new Map<string, TaskRow[]>();
    for (const change of watch?.take() ?? []) {
      const task = change.row as TaskRow | undefined;
      if (task === undefined) continue;
      const instanceArn = task.containerInstanceArn;
      const link = instanceArn === undefined ? undefined : links.get(instanceArn);
      if (instanceArn === undefined || link === undefined) continue;
      if (task.lastStatus === "STOPPED") link.sent.delete(task.arn);
      else byInstance.set(instanceArn, [...(byInstance.get(instanceArn) ?? []), task]);
    }
    for (const [instanceArn, rows] of byInstance) {
      const link = links.get(instanceArn);
      if (link !== undefined) send(link, rows);
    }
  };

  return {
    start() {
      watch = store.snapshotAndWatch([tasks], { notify: onChange });
    },
    attach(instanceArn, channel, endpoint) {
      const link = { channel, endpoint, sent: new Map<string, Order>() };
      links.set(instanceArn, link);
      channel.sendManifest(manifestOf(instanceArn));
      const active = tasksOn(instanceArn);
      send(link, active);
      // After the orders, so that the agent knows the tasks: it holds credentials in memory only, and this renews them.
      for (const task of active) {
        const definition = definitionOf(task);
        if (definition === undefined) continue;
        for (const { roleType, credentials } of credentialsOf(issuer, task, definition))
          channel.sendCredentials(task.arn, roleType, credentials);
      }
    },
    detach(instanceArn, channel) {
      if (links.get(instanceArn)?.channel === channel) links.delete(instanceArn);
    },
    manifestOf,
    close() {
      watch?.close();
      links.clear();
    },
  };
}
