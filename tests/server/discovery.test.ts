// Service discovery on simulated hosts, through the official SDKs: the tasks of a service with a registry are Cloud Map's
// instances while they run, also after the control plane began anew.
import { CreateServiceCommand, StopTaskCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import {
  CreatePrivateDnsNamespaceCommand,
  CreateServiceCommand as CreateDiscoveryServiceCommand,
  DiscoverInstancesCommand,
  ListNamespacesCommand,
  ServiceDiscoveryClient,
} from "@aws-sdk/client-servicediscovery";
import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import { eventually } from "#tests/support/estiba.ts";
import { type SimulatedServer, startSimulatedServer } from "#tests/support/simulated-server.ts";
import { CLUSTER, registerApp, runHosts, runningTasks } from "#tests/support/two-hosts.ts";

/** DiscoverInstances has a host name of its own at AWS. */
const clientFor = ({ connection }: SimulatedServer) =>
  new ServiceDiscoveryClient({ ...connection, maxAttempts: 1, disableHostPrefix: true });

it("finds a service's tasks by name while they run", { timeout: 60_000 }, async () => {
  let server = await startSimulatedServer();
  const { dataDirectory } = server;
  try {
    let cloudMap = clientFor(server);
    const discovered = async () => {
      const { Instances = [] } = await cloudMap.send(
        new DiscoverInstancesCommand({ NamespaceName: "corp.local", ServiceName: "api" }),
      );
      return Instances;
    };
    const found = (count: number) =>
      eventually(
        `${count} instances that are the running tasks`,
        async () => {
          const ids = (await discovered()).map((i) => i.InstanceId).sort();
          const running = runningTasks(server)
            .map((t) => t.id)
            .sort();
          return ids.length === count && JSON.stringify(ids) === JSON.stringify(running) ? ids : undefined;
        },
        20,
      );

    await runHosts(server);
    const place = await stack.findPlace(server.clients);
    await cloudMap.send(new CreatePrivateDnsNamespaceCommand({ Name: "corp.local", Vpc: place.vpcId }));
    const { Namespaces } = await cloudMap.send(new ListNamespacesCommand({}));
    const { Service } = await cloudMap.send(
      new CreateDiscoveryServiceCommand({
        Name: "api",
        NamespaceId: Namespaces?.[0]?.Id,
        DnsConfig: { DnsRecords: [{ Type: "A", TTL: 10 }] },
        HealthCheckCustomConfig: { FailureThreshold: 1 },
      }),
    );
    const registries = [{ registryArn: Service?.Arn }];
    const { ecs } = server.clients;
    const { service } = await ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: "api",
        taskDefinition: await registerApp(server, {
          networkMode: "awsvpc",
          containerDefinitions: [{ name: "app", image: "app:1", memory: 64 }],
        }),
        desiredCount: 2,
        serviceRegistries: registries,
        networkConfiguration: {
          awsvpcConfiguration: { subnets: place.subnets.slice(0, 1).map((s) => s.id) },
        },
      }),
    );
    expect(service?.serviceRegistries).toEqual(registries);
    const [first] = await found(2);
    for (const instance of await discovered()) {
      const task = runningTasks(server).find((t) => t.id === instance.InstanceId);
      expect(instance.HealthStatus).toBe("HEALTHY");
      expect(instance.Attributes).toMatchObject({
        AWS_INSTANCE_IPV4: task?.attachment?.privateIp,
        AVAILABILITY_ZONE: task?.availabilityZone,
        ECS_CLUSTER_NAME: CLUSTER,
        ECS_SERVICE_NAME: "api",
        ECS_TASK_DEFINITION_FAMILY: "app",
      });
      expect(instance.Attributes?.["EC2_INSTANCE_ID"]).toMatch(/^i-/);
    }
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: first }));
    expect(await found(2)).not.toContain(first);

    cloudMap.destroy();
    await server.close({ keep: true });
    server = await startSimulatedServer({ dataDirectory });
    cloudMap = clientFor(server);
    await server.clients.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: "api", desiredCount: 0 }),
    );
    await eventually("nobody", async () => (await discovered()).length === 0 || undefined, 20);
    cloudMap.destroy();
  } finally {
    await server.close({ keep: true });
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
