// A service's task as an instance of the Cloud Map services that it names: registered under the task's id, with the attributes
// that ECS gives it, and its health where ECS says it. The caller's transaction holds the task.
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { TaskRegistry, TaskRow } from "#domain/ecs/task.ts";
import {
  deregisterInstance,
  type DiscoveryInstanceRow,
  discoveryKey,
  instanceKey,
  registerInstance,
  withInstanceHealth,
} from "#domain/servicediscovery/records.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { instances, services } from "#store/tables/servicediscovery.ts";

type Registered = Pick<TaskRow, "id" | "region" | "serviceRegistries">;
type Host = Pick<InstanceRow, "id" | "privateIp">;

/** The Cloud Map service's id; undefined when that is gone, or the task has no such address or port. */
export function registerInDiscovery(
  tx: Transaction,
  task: TaskRow,
  registry: TaskRegistry,
  host: Host,
  now: number,
): string | undefined {
  const service = tx.find(services, "arn", registry.registryArn)[0]?.[1];
  const attributes = attributesOf(task, registry, host);
  if (service === undefined || attributes === undefined) return undefined;
  const key = instanceKey(service.id, task.id);
  const before = tx.get(instances, key);
  const health = service.customHealth ? healthOf(task) : "HEALTHY";
  const next = registerInstance(service, { id: task.id, attributes, health }, before, now);
  tx.put(services, discoveryKey(service.region, service.id), next.service);
  tx.put(instances, key, next.instance);
  return service.id;
}

/** The task is found no more. Safe twice. */
export function deregisterFromDiscovery(tx: Transaction, task: Registered): void {
  for (const { discoveryServiceId } of task.serviceRegistries ?? []) {
    if (discoveryServiceId === undefined) continue;
    const key = instanceKey(discoveryServiceId, task.id);
    if (tx.get(instances, key) === undefined) continue;
    tx.delete(instances, key);
    const serviceKey = discoveryKey(task.region, discoveryServiceId);
    const service = tx.get(services, serviceKey);
    if (service !== undefined) tx.put(services, serviceKey, deregisterInstance(service));
  }
}

/** Whether Cloud Map has the task. */
export const isDiscoverable = (reader: Reader, task: Registered): boolean =>
  (task.serviceRegistries ?? []).some(
    ({ discoveryServiceId: id }) =>
      id !== undefined && reader.get(instances, instanceKey(id, task.id)) !== undefined,
  );

/** What the containers' health checks say is told on. */
export function tellHealth(tx: Transaction, task: TaskRow): void {
  for (const { discoveryServiceId } of task.serviceRegistries ?? []) {
    if (discoveryServiceId === undefined) continue;
    const serviceKey = discoveryKey(task.region, discoveryServiceId);
    const service = tx.get(services, serviceKey);
    const instance = tx.get(instances, instanceKey(discoveryServiceId, task.id));
    const health = healthOf(task);
    if (!service?.customHealth || instance === undefined || instance.health === health) continue;
    const next = withInstanceHealth(service, instance, health);
    tx.put(services, serviceKey, next.service);
    tx.put(instances, instanceKey(discoveryServiceId, task.id), next.instance);
  }
}

/** A task without health checks is healthy while it runs. */
function healthOf(task: TaskRow): DiscoveryInstanceRow["health"] {
  const isChecked = task.containers.some((c) => c.essential && c.hasHealthCheck);
  return !isChecked || task.healthStatus === "HEALTHY" ? "HEALTHY" : "UNHEALTHY";
}

function attributesOf(
  task: TaskRow,
  registry: TaskRegistry,
  host: Host,
): DiscoveryInstanceRow["attributes"] | undefined {
  const own = task.attachment?.privateIp;
  const port = own === undefined ? hostPort(task, registry) : (registry.port ?? registry.containerPort);
  if (own === undefined && port === undefined) return undefined;
  return {
    AWS_INSTANCE_IPV4: own ?? host.privateIp,
    ...(port === undefined ? {} : { AWS_INSTANCE_PORT: String(port) }),
    ...(task.availabilityZone === undefined ? {} : { AVAILABILITY_ZONE: task.availabilityZone }),
    REGION: task.region,
    ECS_CLUSTER_NAME: task.clusterName,
    ...(task.serviceName === undefined ? {} : { ECS_SERVICE_NAME: task.serviceName }),
    ECS_TASK_DEFINITION_FAMILY: task.family,
    ...(task.launchType === "EC2" ? { EC2_INSTANCE_ID: host.id } : {}),
  };
}

function hostPort(task: TaskRow, { containerName, containerPort }: TaskRegistry): number | undefined {
  const bindings = task.containers.find((c) => c.name === containerName)?.networkBindings ?? [];
  return bindings.find((binding) => binding.containerPort === containerPort)?.hostPort;
}
