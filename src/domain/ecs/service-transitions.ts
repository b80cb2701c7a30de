// Every change of a service, of its deployments and of their rows: pure and total. The API's operations and the service
// controller call these inside a transaction and write nothing else of a service.
import { serviceArn, serviceDeploymentArn, serviceRevisionArn } from "./arns.ts";
import type {
  Deployment,
  ServiceDeploymentRow,
  ServiceEventRow,
  ServiceRevisionRow,
  ServiceRow,
  ServiceSpecification,
} from "./service.ts";
import { serviceEventKey } from "./service.ts";

type Settable = Pick<
  ServiceRow,
  | "desiredCount"
  | "minimumHealthyPercent"
  | "maximumPercent"
  | "healthCheckGracePeriodSeconds"
  | "placementConstraints"
  | "placementStrategy"
  | "enableEcsManagedTags"
  | "propagateTags"
  | "enableExecuteCommand"
>;

export interface NewServiceInput extends Settable {
  readonly region: string;
  readonly account: string;
  readonly clusterName: string;
  readonly clusterArn: string;
  readonly name: string;
  readonly specification: ServiceSpecification;
  readonly containerImages: ServiceRevisionRow["containerImages"];
  readonly createdBy: string;
  readonly clientToken?: string;
  readonly tags: ServiceRow["tags"];
}

/** Rows to put; absent ones stay as they are. */
export interface ServiceRows {
  readonly service: ServiceRow;
  readonly deployment?: ServiceDeploymentRow;
  readonly revision?: ServiceRevisionRow;
}

type Removable = "capacityProviderStrategy" | "platformVersion" | "serviceRegistries";

export interface ServiceChange extends Partial<Settable> {
  /** `undefined` takes one of these away: a network, a strategy, a platform version, registries. */
  readonly specification?: Partial<Omit<ServiceSpecification, "network" | Removable>> & {
    readonly [K in "network" | Removable]?: ServiceSpecification[K] | undefined;
  };
  /** The images of the new revision; without it a new revision has none to show. */
  readonly containerImages?: ServiceRevisionRow["containerImages"];
  readonly forceNewDeployment?: boolean;
}

/** @param deploymentNumber 19 digits, which end the ids and ARNs of deployment, revision and service deployment */
export function newService(
  input: NewServiceInput,
  deploymentNumber: string,
  now: number,
): Required<ServiceRows> {
  const { specification, containerImages, account, ...given } = input;
  const service: ServiceRow = {
    ...given,
    arn: serviceArn(input.region, account, input.clusterName, input.name),
    status: "ACTIVE",
    schedulingStrategy: "REPLICA",
    createdAt: now,
    deployments: [],
  };
  return withDeployment(service, specification, containerImages, account, deploymentNumber, now);
}

/**
 * UpdateService. A change of desiredCount alone keeps PRIMARY, as do settings that only steer new tasks; another value of a
 * specification member, or forceNewDeployment, makes a new one. A service that is not ACTIVE stays as it is.
 */
export function updateService(
  service: ServiceRow,
  change: ServiceChange,
  account: string,
  deploymentNumber: string,
  now: number,
): ServiceRows {
  if (service.status !== "ACTIVE") return { service };
  const { specification, containerImages, forceNewDeployment, ...settings } = change;
  const before = primaryOf(service);
  let next: ServiceRow = { ...service, ...withoutUndefined(settings) };
  if (next.desiredCount !== service.desiredCount) {
    next = { ...withoutSteady(withoutShortfall(next)), deployments: touched(next.deployments, now) };
  }
  if (before === undefined) return { service: next };
  const { network, capacityProviderStrategy, platformVersion, serviceRegistries, ...others } = {
    network: before.network,
    capacityProviderStrategy: before.capacityProviderStrategy,
    platformVersion: before.platformVersion,
    serviceRegistries: before.serviceRegistries,
    ...specification,
  };
  const wanted = specificationOf({
    ...before,
    ...withoutUndefined(others),
    network,
    capacityProviderStrategy,
    platformVersion,
    serviceRegistries,
  });
  if (forceNewDeployment !== true && same(wanted, specificationOf(before))) return { service: next };
  return withDeployment(next, wanted, containerImages ?? [], account, deploymentNumber, now);
}

/** DeleteService: desired 0, status DRAINING (INACTIVE at once when `activeTasks` is 0). */
export function drainService(service: ServiceRow, now: number, activeTasks: number): ServiceRow {
  if (service.status === "INACTIVE") return service;
  const draining: ServiceRow = {
    ...withoutSteady(withoutShortfall(service)),
    desiredCount: 0,
    status: "DRAINING",
  };
  return activeTasks === 0 ? serviceGone(draining, now) : draining;
}

/** A draining service's last task has stopped. */
export function serviceGone(service: ServiceRow, now: number): ServiceRow {
  return service.status === "DRAINING" ? { ...service, status: "INACTIVE", deletedAt: now } : service;
}

/** Deployments leave the list: their last task has stopped, or the service is gone. */
export function forgetDeployments(service: ServiceRow, ids: readonly string[]): ServiceRow {
  const kept = service.deployments.filter((d) => !ids.includes(d.id));
  return kept.length === service.deployments.length ? service : { ...service, deployments: kept };
}

/** COMPLETED once, and never back. */
export function completeDeployment(service: ServiceRow, id: string, now: number): ServiceRow {
  return changeDeployment(service, id, (d) =>
    d.rolloutState === "IN_PROGRESS"
      ? {
          ...d,
          rolloutState: "COMPLETED",
          rolloutStateReason: `ECS deployment ${id} completed.`,
          updatedAt: now,
        }
      : d,
  );
}

/** Tasks ended before they were healthy: no further one is started before `notBefore`. */
export function startsFailed(
  service: ServiceRow,
  id: string,
  failure: { readonly failedTasks: number; readonly lastFailureAt: number; readonly notBefore: number },
): ServiceRow {
  return changeDeployment(service, id, (d) => ({ ...d, ...failure }));
}

/** A task became healthy: the count of failed starts begins anew. */
export function startsSucceeded(service: ServiceRow, id: string, now: number): ServiceRow {
  return changeDeployment(service, id, (d) => {
    if (d.failedTasks === 0 && d.notBefore === undefined) return d;
    const { notBefore: _, ...rest } = d;
    return { ...rest, failedTasks: 0, countedSince: now };
  });
}

/** How many tasks found no place; undefined when all have. `since` is kept while the reason stays the same. */
export function setShortfall(
  service: ServiceRow,
  shortfall: { readonly count: number; readonly reason: string } | undefined,
  now: number,
): ServiceRow {
  if (shortfall === undefined) return withoutShortfall(service);
  const before = service.shortfall;
  if (before?.reason === shortfall.reason && before.count === shortfall.count) return service;
  const since = before?.reason === shortfall.reason ? before.since : now;
  return { ...service, shortfall: { ...shortfall, since } };
}

/** So many tasks stay beyond what the service wants because they are protected; none when undefined. */
export function setHeld(service: ServiceRow, held: ServiceRow["held"]): ServiceRow {
  if (held === undefined) {
    const { held: _, ...rest } = service;
    return service.held === undefined ? service : rest;
  }
  const isKnown = service.held?.count === held.count && service.held.deploymentId === held.deploymentId;
  return isKnown ? service : { ...service, held };
}

/** The event "has reached a steady state" is written now. */
export function reachSteadyState(service: ServiceRow, now: number): ServiceRow {
  return { ...service, steadySince: service.steadySince ?? now, lastSteadyEventAt: now };
}

export function leaveSteadyState(service: ServiceRow): ServiceRow {
  return withoutSteady(service);
}

/** The deployment's first look by the controller. */
export function beginServiceDeployment(row: ServiceDeploymentRow, now: number): ServiceDeploymentRow {
  return row.status === "PENDING" ? { ...row, status: "IN_PROGRESS", startedAt: now, updatedAt: now } : row;
}

/** SUCCESSFUL, or STOPPED because another took its place. What is finished stays as it is. */
export function finishServiceDeployment(
  row: ServiceDeploymentRow,
  status: "SUCCESSFUL" | "STOPPED",
  statusReason: string | undefined,
  now: number,
): ServiceDeploymentRow {
  if (row.status !== "PENDING" && row.status !== "IN_PROGRESS") return row;
  const reason = statusReason === undefined ? {} : { statusReason };
  return { ...row, status, ...reason, finishedAt: now, updatedAt: now };
}

/** An event's row under its key. `id` orders events of one millisecond: pass them rising. */
export function serviceEvent(
  service: Pick<ServiceRow, "region" | "clusterName" | "name">,
  message: string,
  id: string,
  now: number,
): { readonly key: string; readonly row: ServiceEventRow } {
  const { region, clusterName, name } = service;
  return {
    key: serviceEventKey(region, clusterName, name, now, id),
    row: {
      id,
      region,
      clusterName,
      serviceName: name,
      createdAt: now,
      message: `(service ${name}) ${message}`,
    },
  };
}

/** The deployment that the service works towards; none once it is INACTIVE. */
export const primaryOf = (service: Pick<ServiceRow, "deployments">): Deployment | undefined =>
  service.deployments.find((d) => d.status === "PRIMARY");

function withDeployment(
  service: ServiceRow,
  specification: ServiceSpecification,
  containerImages: ServiceRevisionRow["containerImages"],
  account: string,
  id: string,
  now: number,
): Required<ServiceRows> {
  const { region, clusterName, clusterArn, name, arn } = service;
  const revisionArn = serviceRevisionArn(region, account, clusterName, name, id);
  const deploymentArn = serviceDeploymentArn(region, account, clusterName, name, id);
  const primary: Deployment = {
    ...specification,
    id: `ecs-svc/${id}`,
    status: "PRIMARY",
    serviceRevisionArn: revisionArn,
    serviceDeploymentArn: deploymentArn,
    createdAt: now,
    updatedAt: now,
    rolloutState: "IN_PROGRESS",
    rolloutStateReason: `ECS deployment ecs-svc/${id} in progress.`,
    failedTasks: 0,
  };
  const superseded = service.deployments.map((d): Deployment =>
    d.status === "PRIMARY" ? { ...d, status: "ACTIVE", updatedAt: now } : d,
  );
  const place = { id, region, clusterName, clusterArn, serviceName: name, serviceArn: arn, createdAt: now };
  return {
    service: { ...withoutSteady(withoutShortfall(service)), deployments: [primary, ...superseded] },
    deployment: {
      ...place,
      arn: deploymentArn,
      status: "PENDING",
      sourceServiceRevisionArns: superseded.map((d) => d.serviceRevisionArn),
      targetServiceRevisionArn: revisionArn,
      minimumHealthyPercent: service.minimumHealthyPercent,
      maximumPercent: service.maximumPercent,
      updatedAt: now,
    },
    revision: { ...place, ...specification, arn: revisionArn, containerImages },
  };
}

function specificationOf(
  deployment: Omit<ServiceSpecification, "network" | Removable> & {
    readonly [K in "network" | Removable]?: ServiceSpecification[K] | undefined;
  },
): ServiceSpecification {
  const { taskDefinitionArn, launchType, loadBalancers, ...given } = deployment;
  const { network, capacityProviderStrategy, platformVersion, serviceRegistries } = given;
  const optional = withoutUndefined({
    network,
    capacityProviderStrategy,
    platformVersion,
    serviceRegistries,
  });
  return { taskDefinitionArn, launchType, loadBalancers, ...optional };
}

function changeDeployment(
  service: ServiceRow,
  id: string,
  change: (deployment: Deployment) => Deployment,
): ServiceRow {
  let changed = false;
  const deployments = service.deployments.map((d) => {
    const next = d.id === id ? change(d) : d;
    changed ||= next !== d;
    return next;
  });
  return changed ? { ...service, deployments } : service;
}

const touched = (deployments: readonly Deployment[], now: number): readonly Deployment[] =>
  deployments.map((d) => (d.status === "PRIMARY" ? { ...d, updatedAt: now } : d));

function withoutSteady(service: ServiceRow): ServiceRow {
  if (service.steadySince === undefined) return service;
  const { steadySince: _, ...rest } = service;
  return rest;
}

function withoutShortfall(service: ServiceRow): ServiceRow {
  if (service.shortfall === undefined) return service;
  const { shortfall: _, ...rest } = service;
  return rest;
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
