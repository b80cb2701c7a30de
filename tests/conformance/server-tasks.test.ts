// The stock agent as it was recorded against a whole server: a task from its order to its end, restarts on either side,
// manifests.
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import { eventually } from "#tests/support/estiba.ts";
import { ACKNOWLEDGED, recordedTask, ROLE, useRecordedHost } from "./recorded-host.suite.ts";

const host = useRecordedHost();

describe("a task", () => {
  it("is ordered with the ids that a payload must have, and its reports make its life", async () => {
    const { acs } = await host.join();
    const arn = await host.run([{ name: "p" }, { name: "q", essential: false }], {
      cpu: "256",
      memory: "256",
    });
    const { message } = await acs.next("PayloadMessage");
    expect(message).toMatchObject({
      messageId: expect.stringMatching(/./) as string,
      clusterArn: "arn:aws:ecs:us-east-1:000000000000:cluster/default",
      containerInstanceArn: host.agent.instanceArn(),
    });
    const manifest = await acs.next("TaskManifestMessage");
    expect(message["seqNum"]).toBeGreaterThan(manifest.message["timeline"] as number);
    expect(message["tasks"]).toMatchObject([
      {
        arn,
        family: "fam",
        version: "1",
        desiredStatus: "RUNNING",
        launchType: "EXTERNAL",
        networkMode: "bridge",
        cpu: 0.25,
        memory: 256,
        volumes: [],
        containers: [
          {
            name: "p",
            image: "local/bb:1",
            essential: true,
            environment: { AWS_EXECUTION_ENV: "AWS_ECS_EC2" },
          },
          { name: "q", essential: false, portMappings: [], mountPoints: [], volumesFrom: [] },
        ],
      },
    ]);
    acs.send(
      host.agent.frame("ack", { "ca132995-9191-4bbe-a37f-b72a572ac6a9": message["messageId"] as string }),
    );

    const by = { [recordedTask("b1")]: arn };
    expect(await host.agent.replay("pending", by)).toEqual(ACKNOWLEDGED);
    expect(await host.task(arn)).toMatchObject({ lastStatus: "PENDING" });
    expect((await host.task(arn)).containers?.map((c) => c.imageDigest?.slice(0, 11))).toEqual([
      "sha256:4bfc",
      "sha256:4bfc",
    ]);
    for (let twice = 0; twice < 2; twice++)
      expect(await host.agent.replay("running", by)).toEqual(ACKNOWLEDGED);
    expect(await host.task(arn)).toMatchObject({
      lastStatus: "RUNNING",
      launchType: "EXTERNAL",
      connectivity: "CONNECTED",
    });
    expect((await host.task(arn)).pullStoppedAt?.getTime()).toBe(1_795_435_209_693);
    // Late news of an earlier state changes nothing.
    expect(await host.agent.replay("pending", by)).toEqual(ACKNOWLEDGED);
    expect(await host.task(arn)).toMatchObject({ lastStatus: "RUNNING" });

    const heard = acs.heard.length;
    await host.clients.ecs.send(new StopTaskCommand({ task: arn, reason: "enough" }));
    const stop = await acs.next("PayloadMessage", heard);
    expect(stop.message["tasks"]).toMatchObject([
      { arn, desiredStatus: "STOPPED", containers: [], volumes: [] },
    ]);
    expect(
      await host.agent.call("SubmitTaskStateChange", {
        cluster: "default",
        task: arn,
        status: "STOPPED",
        reason: "",
        executionStoppedAt: 1795435212.757,
        containers: [
          { containerName: "q", exitCode: 0, status: "STOPPED" },
          { containerName: "p", exitCode: 137, status: "STOPPED" },
        ],
      }),
    ).toEqual(ACKNOWLEDGED);
    expect(await host.task(arn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "UserInitiated",
      stoppedReason: "enough",
      containers: [{ exitCode: 137 }, { exitCode: 0 }],
    });
  });

  it("shows the ports that the agent chose, and the health that telemetry tells", async () => {
    const { acs, tcs } = await host.join();
    const healthCheck = { command: ["CMD", "/bin/busybox", "true"] };
    const ports = [{ containerPort: 80 }, { containerPort: 53, protocol: "udp" as const }];
    const arn = await host.run([
      { name: "web", healthCheck, portMappings: ports },
      { name: "probe", essential: false },
    ]);
    const order = await acs.next("PayloadMessage");
    expect(order.message["tasks"]).toMatchObject([
      {
        containers: [
          {
            name: "web",
            healthCheckType: "docker",
            portMappings: [
              { containerPort: 80, hostPort: 0, protocol: "tcp" },
              { containerPort: 53, hostPort: 0, protocol: "udp" },
            ],
            dockerConfig: { config: expect.stringContaining('"Healthcheck":{"Test":["CMD"') as string },
          },
          { name: "probe" },
        ],
      },
    ]);
    const by = { [recordedTask("aa")]: arn };
    expect(await host.agent.replay("runningWithPorts", by)).toEqual(ACKNOWLEDGED);
    const shown = await host.task(arn);
    expect(shown.containers?.find((c) => c.name === "web")?.networkBindings).toEqual([
      { bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" },
      { bindIP: "0.0.0.0", containerPort: 53, hostPort: 32769, protocol: "udp" },
    ]);
    expect(shown.healthStatus).toBe("UNKNOWN");
    tcs.send(host.agent.telemetry("health", by));
    await eventually(
      "the task to be healthy",
      async () => (await host.task(arn)).healthStatus === "HEALTHY" || undefined,
    );
  });

  it("that the agent rejects has failed to start; a container told twice in one report has gone both ways", async () => {
    await host.join();
    const rejected = await host.run([{}]);
    expect(await host.agent.replay("rejected", { [recordedTask("dd")]: rejected })).toEqual(ACKNOWLEDGED);
    expect(await host.task(rejected)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: "UnrecogniedTaskError: Error loading task - invalid Volume; must include a name",
    });
    const twice = await host.run([
      { name: "dep", essential: false },
      { name: "app", dependsOn: [{ containerName: "dep", condition: "SUCCESS" }] },
    ]);
    expect(await host.agent.replay("twice", { [recordedTask("bb")]: twice })).toEqual(ACKNOWLEDGED);
    expect((await host.task(twice)).containers).toMatchObject([
      { name: "dep", lastStatus: "STOPPED", exitCode: 3 },
      { name: "app", exitCode: 143, reason: expect.stringMatching(/^CannotStartContainerError: /) as string },
    ]);
  });

  it("that nobody knows is reported without a refusal, over and over", async () => {
    await host.join();
    for (const label of [
      "pending",
      "running",
      "runningWithPorts",
      "stoppedByExit",
      "twice",
      "rejected",
      "unknownStop",
    ])
      for (let again = 0; again < 2; again++) expect(await host.agent.replay(label)).toEqual(ACKNOWLEDGED);
    expect(
      await host.agent.call("SubmitContainerStateChange", {
        task: recordedTask("aa"),
        containerName: "web",
        status: "STOPPED",
      }),
    ).toEqual(ACKNOWLEDGED);
    expect(
      await host.agent.call("SubmitAttachmentStateChanges", {
        attachments: [{ attachmentArn: "arn:a", status: "ATTACHED" }],
      }),
    ).toEqual(ACKNOWLEDGED);
  });
});

describe("a restart of the agent", () => {
  it("gets the role's credentials again under the same id, and open orders once more", async () => {
    const { acs } = await host.join();
    const arn = await host.run([{ name: "web" }, { name: "probe", essential: false }], { taskRoleArn: ROLE });
    const [first] = (await acs.next("PayloadMessage")).message["tasks"] as {
      roleCredentials: Record<string, string>;
    }[];
    expect(Object.keys(first?.roleCredentials ?? {}).sort()).toEqual([
      "accessKeyId",
      "credentialsId",
      "expiration",
      "roleArn",
      "secretAccessKey",
      "sessionToken",
    ]);
    // Nothing was acknowledged or reported: the order is open.
    acs.close();
    await host.agent.register("registerAgain");
    const again = (await host.connect()).acs;
    expect((await again.next("PayloadMessage")).message["tasks"]).toMatchObject([
      { arn, desiredStatus: "RUNNING" },
    ]);

    await host.agent.replay("runningWithPorts", { [recordedTask("aa")]: arn });
    again.close();
    await host.agent.register("registerAgain");
    const third = (await host.connect()).acs;
    const pushed = (await third.next("IAMRoleCredentialsMessage")).message;
    expect(pushed).toMatchObject({
      taskArn: arn,
      roleType: "TaskApplication",
      roleCredentials: { credentialsId: first?.roleCredentials["credentialsId"], roleArn: ROLE },
    });
    const expiration = Date.parse((pushed["roleCredentials"] as { expiration: string }).expiration);
    expect(expiration).toBeGreaterThan(Date.now() + 35 * 60_000);
    expect(third.heard.filter((m) => m.type === "PayloadMessage")).toEqual([]);
  });

  it(
    "of the server is seen by neither: the agent comes back under its ARN to its tasks",
    { timeout: 30_000 },
    async () => {
      const { acs } = await host.join();
      const arn = await host.run([{ name: "web" }, { name: "probe", essential: false }]);
      await host.agent.replay("runningWithPorts", { [recordedTask("aa")]: arn });
      const before = await acs.next("TaskManifestMessage");
      const known = host.agent.instanceArn();
      await host.restartServer(async () => {
        expect(await eventually("the channel to close", () => acs.closed())).toBe(1001);
      });
      await host.agent.register("registerAgain", (body) => ({ ...body, containerInstanceArn: known }));
      expect(host.agent.instanceArn()).toBe(known);
      const after = await (await host.connect()).acs.next("TaskManifestMessage");
      expect(after.message["timeline"]).toBeGreaterThan(before.message["timeline"] as number);
      expect(after.message["tasks"]).toEqual([
        {
          taskArn: arn,
          taskClusterArn: "arn:aws:ecs:us-east-1:000000000000:cluster/default",
          desiredStatus: "RUNNING",
        },
      ]);
    },
  );
});

it("a manifest's verification is answered under its id, once, with what the agent shall stop", async () => {
  const { acs } = await host.join();
  const arn = await host.run([{ name: "web" }, { name: "probe", essential: false }]);
  await host.agent.replay("runningWithPorts", { [recordedTask("aa")]: arn });
  acs.close();
  const again = (await host.connect()).acs;
  const { message } = await again.next("TaskManifestMessage");
  const verification = (candidate: string) =>
    host.agent.frame("stopVerification", {
      "mf-f70e6529-2efc-4898-a098-771d7740d1cd": message["messageId"] as string,
      [recordedTask("aa")]: candidate,
    });
  again.send(verification(recordedTask("aa")));
  const ack = await again.next("TaskStopVerificationAck");
  expect(ack.message).toMatchObject({
    messageId: message["messageId"],
    stopTasks: [{ taskArn: recordedTask("aa"), desiredStatus: "STOPPED" }],
  });
  again.send(verification(recordedTask("aa")));
  again.send(host.agent.frame("heartbeatAck"));
  // A later connection's answer is behind everything that this one was sent.
  again.close();
  const third = (await host.connect()).acs;
  const manifest = await third.next("TaskManifestMessage");
  third.send(
    host.agent.frame("stopVerification", {
      "mf-f70e6529-2efc-4898-a098-771d7740d1cd": manifest.message["messageId"] as string,
      [recordedTask("aa")]: arn,
    }),
  );
  expect((await third.next("TaskStopVerificationAck")).message["stopTasks"]).toEqual([]);
  expect(again.heard.filter((m) => m.type === "TaskStopVerificationAck")).toHaveLength(1);
});
