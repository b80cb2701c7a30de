// Calls that the tests of races make again and again, and how many of them at once are told.
import { RunInstancesCommand, type RunInstancesCommandOutput } from "@aws-sdk/client-ec2";
import {
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  waitUntilServicesInactive,
  type CreateServiceCommandInput,
  type Service,
} from "@aws-sdk/client-ecs";
import { expect } from "vitest";
import type { TaskRow } from "#domain/ecs/task.ts";
import { tasks } from "#store/tables/ecs.ts";
import { eventually } from "#tests/support/estiba.ts";
import type { SimulatedServer } from "#tests/support/simulated-server.ts";
import { CLUSTER, registerApp } from "#tests/support/two-hosts.ts";

export const atOnce = <T>(count: number, make: (i: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: count }, (_, i) => make(i)));

/** The answers of calls that must all have been taken. */
export const all = <T>(count: number, make: (i: number) => Promise<T>): Promise<readonly T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));

/** `ok`, or the name of the refusal, of each; sorted. */
export const names = (results: readonly PromiseSettledResult<unknown>[]): readonly string[] =>
  results.map((r) => (r.status === "fulfilled" ? "ok" : (r.reason as Error).name)).sort();

export type ShortCalls = ReturnType<typeof shortCalls>;

export function shortCalls(server: SimulatedServer) {
  const { ecs, ec2 } = server.clients;

  const show = async (serviceName: string): Promise<Service> => {
    const answer = await ecs.send(new DescribeServicesCommand({ cluster: CLUSTER, services: [serviceName] }));
    const [service] = answer.services ?? [];
    if (service === undefined) throw new Error(`There is no ${serviceName}.`);
    return service;
  };

  return {
    /** Of `app`: small, and healthy as soon as it runs. */
    registerRevision: (revision: string) =>
      registerApp(server, {
        containerDefinitions: [
          {
            name: "app",
            image: "app:1",
            cpu: 16,
            memory: 32,
            environment: [{ name: "REVISION", value: revision }],
          },
        ],
      }),

    create: (serviceName: string, desiredCount: number, more: Partial<CreateServiceCommandInput> = {}) =>
      ecs.send(
        new CreateServiceCommand({
          cluster: CLUSTER,
          serviceName,
          taskDefinition: "app:1",
          desiredCount,
          ...more,
        }),
      ),

    /** Resolves when the service is INACTIVE. */
    async remove(serviceName: string): Promise<void> {
      await ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: serviceName, force: true }));
      await waitUntilServicesInactive(
        { client: ecs, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
        { cluster: CLUSTER, services: [serviceName] },
      );
    },

    show,

    /** At rest: as `aws ecs wait services-stable` sees it, and the rollout COMPLETED. One PRIMARY all the way. */
    steady: (serviceName: string, count: number): Promise<Service> =>
      eventually(
        `${serviceName} steady with ${count}`,
        async () => {
          const service = await show(serviceName);
          const deployments = service.deployments ?? [];
          expect(deployments.filter((d) => d.status === "PRIMARY")).toHaveLength(1);
          const isSteady =
            deployments.length === 1 &&
            service.runningCount === count &&
            service.pendingCount === 0 &&
            deployments[0]?.rolloutState === "COMPLETED";
          return isSteady ? service : undefined;
        },
        30,
      ),

    rowsOf: (serviceName: string): readonly TaskRow[] =>
      Array.from(server.store.scan(tasks), ([, row]) => row).filter((row) => row.serviceName === serviceName),

    /** An instance that joins the cluster. */
    launch: (more: { readonly ClientToken?: string } = {}): Promise<RunInstancesCommandOutput> =>
      ec2.send(
        new RunInstancesCommand({
          ImageId: "ami-0e571ba0000000001",
          InstanceType: "t3.small",
          MinCount: 1,
          MaxCount: 1,
          IamInstanceProfile: { Name: "ecsInstanceRole" },
          UserData: Buffer.from(`#!/bin/bash\necho ECS_CLUSTER=${CLUSTER} >> /etc/ecs/ecs.config\n`).toString(
            "base64",
          ),
          ...more,
        }),
      ),
  };
}
