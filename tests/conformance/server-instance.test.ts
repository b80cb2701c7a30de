// The stock agent as it was recorded, an external host with static credentials, against a whole server: its registration, its
// channels, the end of its instance.
import {
  CreateServiceCommand,
  DeregisterContainerInstanceCommand,
  RunTaskCommand,
  StartTaskCommand,
  UpdateContainerAgentCommand,
  type Attribute,
} from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import { ConnectionRefused } from "#acs/websocket-duplex.ts";
import { eventually } from "#tests/support/estiba.ts";
import { refusal, useRecordedHost } from "./recorded-host.suite.ts";
import { recordedCall } from "./recording.ts";

const host = useRecordedHost();

describe("registration", () => {
  it("echoes every attribute with its value, the first time and again, and keeps what the agent names only once", async () => {
    const arns = [];
    for (const label of ["register", "registerAgain"]) {
      const { status, body } = await host.agent.register(label);
      expect(status).toBe(200);
      const made = body["containerInstance"] as { containerInstanceArn: string; attributes: Attribute[] };
      arns.push(made.containerInstanceArn);
      const sent = (JSON.parse(recordedCall(label).body) as { attributes: Attribute[] }).attributes;
      expect(sent.length).toBeGreaterThan(50);
      expect(made.attributes).toEqual(expect.arrayContaining(sent));
      expect(made.attributes).toContainEqual({ name: "rack", value: "r1" });
    }
    expect(arns[1]).toBe(arns[0]);
    expect(arns[0]).toMatch(/^arn:aws:ecs:us-east-1:000000000000:container-instance\/default\/[0-9a-f]{32}$/);
  });

  it("creates the cluster default for an agent that found none", async () => {
    const register = (cluster: string) => host.agent.register("register", (body) => ({ ...body, cluster }));
    const missing = await register("other");
    expect(missing).toMatchObject({ status: 400, body: { __type: "ClusterNotFoundException" } });
    const made = await host.agent.call("CreateCluster", { clusterName: "default" });
    expect(made.body).toMatchObject({ cluster: { clusterName: "default", status: "ACTIVE" } });
    expect((await register("default")).status).toBe(200);
  });

  it("names two distinct http endpoints, whatever zone the agent is in", async () => {
    await host.agent.register("register");
    expect(await host.agent.replay("discover")).toEqual({
      status: 200,
      body: { endpoint: `${host.endpoint}/acs`, telemetryEndpoint: `${host.endpoint}/tcs` },
    });
  });

  it("shows the versions of the channel's query, for they are told nowhere else", async () => {
    await host.join();
    expect((await host.instance())?.versionInfo).toEqual({
      agentVersion: "1.105.1",
      agentHash: "a8b3e7d3",
      dockerVersion: "DockerVersion: 20.10.24+dfsg1",
    });
  });

  it("refuses a channel that is signed by somebody else", async () => {
    await host.agent.register("register");
    const stranger = host.stranger();
    await expect(stranger.replay("discover")).resolves.toMatchObject({ status: 400 });
    const query = "clusterArn=default&containerInstanceArn=x";
    const answer = await fetch(`${host.endpoint}/acs/ws?${query}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });
});

describe("telemetry", () => {
  it("is acknowledged message by message, and the runtime's health is shown", async () => {
    const { tcs } = await host.join();
    const acks = {
      metricsIdle: "AckPublishMetric",
      statusInitializing: "AckPublishInstanceStatus",
      metrics: "AckPublishMetric",
      health: "AckPublishHealth",
      statusOk: "AckPublishInstanceStatus",
    };
    for (const [label, type] of Object.entries(acks)) {
      const before = tcs.heard.length;
      tcs.send(host.agent.telemetry(label));
      await tcs.next(type, before);
      expect(tcs.heard.length).toBe(before + 1);
    }
    const health = await eventually("the health to be OK", async () => {
      const status = (await host.instance())?.healthStatus;
      return status?.overallStatus === "OK" ? status : undefined;
    });
    expect(health.details).toMatchObject([{ type: "CONTAINER_RUNTIME", status: "OK" }]);
  });
});

describe("an external host", () => {
  it("takes tasks of its launch type only, by RunTask and by StartTask", async () => {
    await host.join();
    const arn = await host.run([{}]);
    expect(await host.task(arn)).toMatchObject({
      launchType: "EXTERNAL",
      containerInstanceArn: host.agent.instanceArn(),
    });
    expect((await host.task(arn)).availabilityZone).toBeUndefined();
    expect(await refusal(host.clients.ecs.send(new RunTaskCommand({ taskDefinition: "fam" })))).toBe(
      "InvalidParameterException: No Container Instances were found in your cluster.",
    );
    const started = await host.clients.ecs.send(
      new StartTaskCommand({ taskDefinition: "fam", containerInstances: [host.agent.instanceArn()] }),
    );
    expect(started).toMatchObject({ failures: [], tasks: [{ launchType: "EXTERNAL" }] });
  });

  it("has neither load balancers nor tasks of a definition that is for EC2", async () => {
    await host.join();
    await host.define([{}], { requiresCompatibilities: ["EC2"] });
    await host.define([{ portMappings: [{ containerPort: 80 }] }]);
    const loadBalancers = [
      {
        targetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/t/0123456789abcdef",
        containerName: "c",
        containerPort: 80,
      },
    ];
    expect(
      await refusal(
        host.clients.ecs.send(
          new CreateServiceCommand({
            ...{ serviceName: "s", taskDefinition: "fam", launchType: "EXTERNAL", desiredCount: 1 },
            loadBalancers,
          }),
        ),
      ),
    ).toMatch(/^InvalidParameterException: .*EXTERNAL/);
  });

  it("is no EC2 instance, drains when its agent says so, and is offered no update", async () => {
    await host.join();
    expect((await host.instance())?.ec2InstanceId).toBeUndefined();
    const drained = await host.agent.call("UpdateContainerInstancesState", {
      cluster: "default",
      containerInstances: [host.agent.instanceArn()],
      status: "DRAINING",
    });
    expect(drained).toMatchObject({
      status: 200,
      body: { containerInstances: [{ status: "DRAINING" }], failures: [] },
    });
    expect(
      await refusal(
        host.clients.ecs.send(
          new UpdateContainerAgentCommand({ containerInstance: host.agent.instanceArn() }),
        ),
      ),
    ).toMatch(/^NoUpdateAvailableException/);
    expect(await host.agent.replay("listTags")).toEqual({ status: 200, body: { tags: [] } });
  });
});

it("a deregistered instance loses its channels, is refused both by name, and is revived by its registration", async () => {
  const { acs, tcs } = await host.join();
  await host.clients.ecs.send(
    new DeregisterContainerInstanceCommand({ containerInstance: host.agent.instanceArn() }),
  );
  await eventually("both channels to close", () => (acs.closed() && tcs.closed()) || undefined);
  for (const label of ["acsUpgrade", "tcsUpgrade"] as const) {
    const refused = await host.agent.open(label).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConnectionRefused);
    expect(refused).toMatchObject({ statusCode: 400 });
    const { type, message } = JSON.parse((refused as ConnectionRefused).body) as Record<string, unknown>;
    expect(type).toBe("InactiveInstanceException");
    expect(message).toMatchObject({ message: expect.stringMatching(/./) as string });
  }
  const known = host.agent.instanceArn();
  await host.agent.register("registerAgain");
  expect(host.agent.instanceArn()).toBe(known);
  await host.connect();
});
