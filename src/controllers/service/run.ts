// Keeps services as they are wanted: looks at a service when its row, its tasks, their targets or their instances change,
// decides over the newest rows inside the transaction that applies the decision, and asks Placement for what is to start.
// Each transaction leaves rows from which the next look goes on, so a crash after any of them changes nothing in the end.
import type { Clock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Deployment, ServiceRow } from "#domain/ecs/service.ts";
import { serviceChildKey } from "#domain/ecs/service.ts";
import {
  beginServiceDeployment,
  finishServiceDeployment,
  primaryOf,
  setShortfall,
} from "#domain/ecs/service-transitions.ts";
import { taskKey } from "#domain/ecs/task.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import { CannotAssumeRole, type Placement, type PlacementRequest } from "#domain/ports/placement.ts";
import { type Change, isChangeOf, type Store, type Transaction, type Watch } from "#store/store.ts";
import {
  containerInstances,
  serviceDeployments,
  services,
  taskDefinitions,
  tasks,
} from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { writeServiceEvent } from "../service-events.ts";
import { createWorkQueue } from "../work-queue.ts";
import { decideService, DEFAULT_SETTINGS, type Decision, type ServiceSettings } from "./decide.ts";
import { readState } from "./state.ts";

export interface ServiceControllerDependencies {
  readonly store: Store;
  readonly placement: Placement;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  /** The load-balancer nodes that are alive now. */
  readonly nodes: () => readonly string[];
  readonly settings?: Partial<ServiceSettings>;
}

/** No change of the cluster tells that a role can be assumed now. */
const ROLE_RETRY_MS = 60_000;
const RETRY_MS = 1000;
const CAPACITY_RETRY_MS = 30_000;

export function createServiceController(dependencies: ServiceControllerDependencies): Controller {
  const { store, placement, clock, random, logger, account, nodes } = dependencies;
  const settings = { ...DEFAULT_SETTINGS, ...dependencies.settings };
  /** Services whose tasks found no place: looked at again when room may have come free in their cluster. */
  const short = new Map<string, Set<string>>();
  let watch: Watch | undefined;

  const queue = createWorkQueue({
    clock,
    random,
    logger,
    async handle(key) {
      const decision = await store.transact((tx) => {
        const service = tx.get(services, key);
        if (service === undefined || (service.status === "INACTIVE" && service.deployments.length === 0))
          return undefined;
        const now = clock.now();
        const made = decideService({ ...readState(tx, key, service, nodes()), now, settings });
        apply(tx, key, service, made, now);
        return made;
      });
      queue.addAt(key, decision?.wakeAt);
      if (decision?.start !== undefined) await start(key, decision.service, decision.start);
    },
  });

  const start = async (key: string, service: ServiceRow, wanted: NonNullable<Decision["start"]>) => {
    const deployment = primaryOf(service);
    if (deployment === undefined) return;
    const result = await placeOrSay(placement, requestFor(store, account, service, deployment, wanted));
    const missing = wanted.count - result.placed;
    if (result.retryMs !== undefined) queue.addAt(key, clock.now() + result.retryMs);
    // A conflict that outlasted placement's own attempts, or a race that is over by then.
    if (missing > 0 && result.explanation === undefined) queue.addAt(key, clock.now() + RETRY_MS);
    await store.transact((tx) => {
      const newest = tx.get(services, key);
      if (newest?.status !== "ACTIVE" || primaryOf(newest)?.id !== deployment.id) return;
      const reason = result.explanation;
      const before = newest.shortfall?.reason;
      const isKnown = before !== undefined && reason !== undefined && kindOf(before) === kindOf(reason);
      const shortfall =
        missing > 0 && reason !== undefined
          ? { count: missing, reason: isKnown ? before : reason }
          : undefined;
      const next = setShortfall(newest, shortfall, clock.now());
      if (next === newest) return;
      tx.put(services, key, next);
      if (shortfall !== undefined && !isKnown) writeServiceEvent(tx, newest, shortfall.reason, clock.now());
    });
  };

  const onChange = () => {
    const clustersWithRoom = new Set<string>();
    for (const change of watch?.take() ?? []) follow(change, clustersWithRoom);
    for (const cluster of clustersWithRoom) for (const key of short.get(cluster) ?? []) queue.add(key);
  };
  const follow = (change: Change, clustersWithRoom: Set<string>) => {
    if (isChangeOf(change, services)) {
      noteShortfall(short, change.key, change.row);
      if (change.row !== undefined) queue.add(change.key);
    } else if (isChangeOf(change, tasks)) {
      const task = change.row;
      if (task?.serviceName !== undefined)
        queue.add(`${task.region}/${task.clusterName}/${task.serviceName}`);
      if (task?.desiredStatus === "STOPPED") clustersWithRoom.add(`${task.region}/${task.clusterName}`);
    } else if (isChangeOf(change, targets)) {
      if (change.row === undefined) return;
      for (const [key] of store.find(services, "targetGroup", change.row.targetGroupArn)) queue.add(key);
    } else if (isChangeOf(change, containerInstances) && change.row !== undefined) {
      clustersWithRoom.add(`${change.row.region}/${change.row.clusterName}`);
      for (const [, task] of store.find(tasks, "activeOnInstance", change.row.arn))
        if (task.serviceName !== undefined)
          queue.add(`${task.region}/${task.clusterName}/${task.serviceName}`);
    }
  };

  return {
    async start() {
      watch = store.snapshotAndWatch([services, tasks, targets, containerInstances], { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

function apply(tx: Transaction, key: string, before: ServiceRow, decision: Decision, now: number): void {
  if (decision.service !== before) tx.put(services, key, decision.service);
  for (const { task, cause } of decision.stop)
    tx.put(tasks, taskKey(task.region, task.clusterName, task.id), stopTask(task, cause, now));
  for (const event of decision.events) writeServiceEvent(tx, before, event, now);
  const change = (
    deployment: Deployment,
    to: (row: Parameters<typeof beginServiceDeployment>[0]) => Parameters<typeof beginServiceDeployment>[0],
  ) => {
    const id = deployment.id.replace("ecs-svc/", "");
    const rowKey = serviceChildKey(before.region, before.clusterName, before.name, id);
    const row = tx.get(serviceDeployments, rowKey);
    if (row === undefined) return;
    const next = to(row);
    if (next !== row) tx.put(serviceDeployments, rowKey, next);
  };
  const primary = primaryOf(decision.service);
  if (primary !== undefined) change(primary, (row) => beginServiceDeployment(row, now));
  for (const { deployment, status, reason } of decision.finished)
    change(deployment, (row) => finishServiceDeployment(row, status, reason, now));
}

function requestFor(
  store: Store,
  account: string,
  service: ServiceRow,
  deployment: Deployment,
  { count, atMost }: NonNullable<Decision["start"]>,
): PlacementRequest {
  const { region, clusterName, name } = service;
  return {
    region,
    account,
    clusterName,
    taskDefinitionArn: deployment.taskDefinitionArn,
    count,
    launchType: deployment.launchType,
    ...(deployment.capacityProviderStrategy === undefined
      ? {}
      : { capacityProviderStrategy: deployment.capacityProviderStrategy }),
    group: `service:${name}`,
    startedBy: deployment.id,
    overrides: {},
    ...(deployment.network === undefined ? {} : { network: deployment.network }),
    constraints: service.placementConstraints,
    strategy: service.placementStrategy,
    enableExecuteCommand: service.enableExecuteCommand,
    tags: {
      ...propagatedTags(store, service, deployment),
      ...(service.enableEcsManagedTags
        ? { "aws:ecs:clusterName": clusterName, "aws:ecs:serviceName": name }
        : {}),
    },
    service: { name, deploymentId: deployment.id, atMost },
  };
}

function propagatedTags(store: Store, service: ServiceRow, deployment: Deployment): ServiceRow["tags"] {
  switch (service.propagateTags) {
    case "SERVICE":
      return service.tags;
    case "TASK_DEFINITION":
      return store.find(taskDefinitions, "arn", deployment.taskDefinitionArn)[0]?.[1].tags ?? {};
    case "NONE":
      return {};
  }
}

interface Placed {
  readonly placed: number;
  readonly explanation: string | undefined;
  readonly retryMs?: number;
}

/** What placement refuses for good is told like a missing place: trying at once again would not help. */
async function placeOrSay(placement: Placement, request: PlacementRequest): Promise<Placed> {
  try {
    const { tasks: placed, explanation } = await placement.place(request);
    // No change of the cluster tells that Fargate has capacity again.
    const retries = request.launchType === "FARGATE" && explanation !== undefined;
    return { placed: placed.length, explanation, ...(retries ? { retryMs: CAPACITY_RETRY_MS } : {}) };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error instanceof CannotAssumeRole)
      return {
        placed: 0,
        explanation: `failed to launch a task with (error ${error.message}).`,
        retryMs: ROLE_RETRY_MS,
      };
    return { placed: 0, explanation: `was unable to place a task. Reason: ${error.message}` };
  }
}

/** Explanations that differ only in the closest instance tell the same story. */
const kindOf = (explanation: string): string =>
  explanation.replace(/\(container-instance [^)]*\)/, "(container-instance)");

function noteShortfall(short: Map<string, Set<string>>, key: string, row: ServiceRow | undefined): void {
  const cluster = key.slice(0, key.lastIndexOf("/"));
  const keys = short.get(cluster);
  if (row?.shortfall !== undefined) short.set(cluster, (keys ?? new Set<string>()).add(key));
  else if (keys?.delete(key) === true && keys.size === 0) short.delete(cluster);
}
