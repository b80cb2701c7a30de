// What the tests of services have in common: calls on the service `web` of the cluster `main`, and rows of its tasks.
import type {
  CreateServiceCommandInput,
  DeleteServiceCommandInput,
  Service,
  UpdateServiceCommandInput,
} from "@aws-sdk/client-ecs";
import { ACCOUNT, REGION } from "#controllers/world.suite.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import { serviceGone } from "#domain/ecs/service-transitions.ts";
import { services, tasks } from "#store/tables/ecs.ts";
import type { PlacingFixture } from "./placing.suite.ts";

export const SERVICE_KEY = serviceKey(REGION, "main", "web");
export const arn = (resource: string): string => `arn:aws:ecs:${REGION}:${ACCOUNT}:${resource}`;
export const entry = (targetGroupArn: string) => ({
  targetGroupArn,
  containerName: "app",
  containerPort: 80,
});

const web = { cluster: "main", service: "web" };

export interface ServiceCalls {
  create(more?: Partial<CreateServiceCommandInput>): Promise<Service | undefined>;
  update(more?: Partial<UpdateServiceCommandInput>): Promise<Service | undefined>;
  remove(more?: Partial<DeleteServiceCommandInput>): Promise<Service | undefined>;
  show(): Promise<Service | undefined>;
  /** What the controller does once a deleted service's last task has stopped. */
  lastTaskStopped(): Promise<void>;
  /** Puts the row of a task of the service's deployment of that number, the newest first. */
  putTask(n: number, lastStatus: string, deployment?: number): Promise<void>;
}

export function serviceCalls({ client, world: { store, clock } }: PlacingFixture): ServiceCalls {
  return {
    async create(more = {}) {
      const input = { cluster: "main", serviceName: "web", taskDefinition: "web", desiredCount: 2, ...more };
      return (await client.createService(input)).service;
    },
    update: async (more = {}) => (await client.updateService({ ...web, ...more })).service,
    remove: async (more = {}) => (await client.deleteService({ ...web, ...more })).service,
    show: async () => (await client.describeServices({ cluster: "main", services: ["web"] })).services?.[0],
    lastTaskStopped: () =>
      store.transact((tx) => {
        const row = tx.get(services, SERVICE_KEY);
        if (row !== undefined)
          tx.put(services, SERVICE_KEY, { ...serviceGone(row, clock.now()), deployments: [] });
      }),
    putTask: (n, lastStatus, deployment = 0) =>
      store.transact((tx) => {
        const deploymentId = tx.get(services, SERVICE_KEY)?.deployments[deployment]?.id;
        tx.put(tasks, `${REGION}/main/${n}`, {
          region: REGION,
          clusterName: "main",
          serviceName: "web",
          deploymentId,
          lastStatus,
          desiredStatus: "RUNNING",
        } as never);
      }),
  };
}
