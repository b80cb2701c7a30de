// What RegisterTaskDefinition refuses: what AWS refuses too, in AWS's words, and by name what does not act here.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { createFixture, refusal, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const app: ContainerDefinition = { name: "app", image: "nginx", memory: 64 };
const register = (containers: Partial<ContainerDefinition>[] = [{}], changes: object = {}) =>
  f.client.registerTaskDefinition({
    family: "web",
    containerDefinitions: containers.map((c, i) => ({ ...app, ...(i === 0 ? {} : { name: `c${i}` }), ...c })),
    ...changes,
  });

describe("RegisterTaskDefinition", () => {
  const dependsOn = (condition: string, containerName = "c1") => [{ containerName, condition }];
  const words: [string, Partial<ContainerDefinition>[] | undefined, object, string | RegExp][] = [
    ["no container", [], {}, "Container list cannot be empty."],
    ["eleven containers", Array.from({ length: 11 }, () => ({})), {}, "Too many containers."],
    ["a family with a dot", [{}], { family: "a.b" }, "Family contains invalid characters."],
    ["a container without a name", [{ name: undefined }], {}, "Container.name should not be null or empty."],
    ["a name with a space", [{ name: "a b" }], {}, "Container.name contains invalid characters."],
    ["a name twice", [{}, { name: "app" }], {}, "Duplicate container name 'app'."],
    ["no image", [{ image: "" }], {}, "Container.image should not be null or empty."],
    ["a long image", [{ image: "a".repeat(256) }], {}, "Container.image should be 255 characters or less"],
    [
      "no memory anywhere",
      [{ memory: undefined }],
      {},
      "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
    ],
    ["3 MiB of memory", [{ memory: 3 }], {}, "Invalid 'memory' setting for container 'app'."],
    [
      "a limit below the reservation",
      [{ memory: 64, memoryReservation: 65 }],
      {},
      /'memory' must be greater than or equal to 'memoryReservation'/,
    ],
    [
      "a container larger than its task",
      [{ memory: 513 }],
      { memory: "512" },
      "The 'memory' setting for container 'app' is greater than for the task.",
    ],
    ["negative CPU", [{ cpu: -1 }], {}, "Invalid 'cpu' setting for container 'app'."],
    ["a task of 100 CPU units", [{}], { cpu: "100" }, /^Invalid 'cpu' setting for task\./],
    ["a task size in words", [{}], { memory: "much" }, /^Invalid 'memory' setting for task\./],
    [
      "only inessential ones",
      [{ essential: false }],
      {},
      "Task definition doesn't have any essential container.",
    ],
    [
      "a mapping without a port",
      [{ portMappings: [{ hostPort: 80 }] }],
      {},
      "Invalid 'containerPort' setting for container 'app'.",
    ],
    [
      "port 65536",
      [{ portMappings: [{ containerPort: 65_536 }] }],
      {},
      "Invalid 'containerPort' setting for container 'app'.",
    ],
    [
      "another host port in host mode",
      [{ portMappings: [{ containerPort: 80, hostPort: 81 }] }],
      { networkMode: "host" },
      "When networkMode=host, the host ports and container ports in port mappings must match.",
    ],
    [
      "ports without a network",
      [{ portMappings: [{ containerPort: 80 }] }],
      { networkMode: "none" },
      /port mappings are not supported/,
    ],
    [
      "a host port twice",
      [
        { portMappings: [{ containerPort: 80, hostPort: 80 }] },
        { portMappings: [{ containerPort: 81, hostPort: 80 }] },
      ],
      {},
      /The host port 80\/tcp is mapped more than once/,
    ],
    [
      "an unknown volume",
      [{ mountPoints: [{ sourceVolume: "x", containerPath: "/x" }] }],
      {},
      "Unknown volume 'x'.",
    ],
    ["a volume name twice", [{}], { volumes: [{ name: "a" }, { name: "a" }] }, "Duplicate volume name 'a'."],
    [
      "a blank source path",
      [{}],
      { volumes: [{ name: "a", host: { sourcePath: "" } }] },
      "host.sourcePath should not be blank.",
    ],
    [
      "a dependency on nobody",
      [{ dependsOn: dependsOn("START") as never }],
      {},
      "Cannot depend on container + 'c1' because it does not exist",
    ],
    [
      "SUCCESS of an essential container",
      [{ dependsOn: dependsOn("SUCCESS") as never }, {}],
      {},
      "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    ],
    [
      "HEALTHY without a health check",
      [{ dependsOn: dependsOn("HEALTHY") as never }, {}],
      {},
      /must have a health check/,
    ],
    [
      "a cycle of dependencies",
      [{ dependsOn: dependsOn("START") as never }, { dependsOn: dependsOn("START", "app") as never }],
      {},
      "Container dependencies should not have a cycle",
    ],
    [
      "a cycle of links",
      [{ links: ["c1"] }, { links: ["app:web"] }],
      {},
      "Container links should not have a cycle",
    ],
    ["links in host mode", [{ links: ["c1"] }, {}], { networkMode: "host" }, /Links are not supported/],
    [
      "a health check without CMD",
      [{ healthCheck: { command: ["true"] } }],
      {},
      /must start with CMD or CMD-SHELL/,
    ],
    [
      "a health check every 4 seconds",
      [{ healthCheck: { command: ["CMD", "true"], interval: 4 } }],
      {},
      /'healthCheck\.interval' .* between 5 and 300/,
    ],
    [
      "eleven constraints",
      [{}],
      {
        placementConstraints: Array.from({ length: 11 }, () => ({
          type: "memberOf",
          expression: "agentConnected == true",
        })),
      },
      /Too many placement constraints/,
    ],
    [
      "a constraint that cannot be read",
      [{}],
      { placementConstraints: [{ type: "memberOf", expression: "here" }] },
      /Invalid placement constraint expression 'here'/,
    ],
    [
      "more than 64 KiB",
      [{ environment: [{ name: "A", value: "x".repeat(66_000) }] }],
      {},
      /^Actual length: '\d+'\. Max allowed length is '65536' bytes\.$/,
    ],
    ["an unknown network mode", [{}], { networkMode: "nat" }, "Invalid network mode 'nat'."],
    [
      "an unknown ulimit",
      [{ ulimits: [{ name: "fun" as never, softLimit: 1, hardLimit: 1 }] }],
      {},
      "Invalid 'ulimits' setting for container 'app'.",
    ],
    [
      "maxSwap without a limit",
      [{ memory: undefined, memoryReservation: 64, linuxParameters: { maxSwap: 1 } }],
      {},
      /'memory' must be specified/,
    ],
  ];
  it.each(words)("refuses %s", async (_what, containers, changes, message) => {
    const answer = await refusal(register(containers, changes));
    if (typeof message === "string") expect(answer).toBe(`ClientException: ${message}`);
    else expect(String(answer).replace(/^ClientException: /, "")).toMatch(message);
  });

  const unhonoured: [string, Partial<ContainerDefinition>, object][] = [
    ["The member 'proxyConfiguration'", {}, { proxyConfiguration: { containerName: "app" } }],
    [
      "The member 'inferenceAccelerators'",
      {},
      { inferenceAccelerators: [{ deviceName: "a", deviceType: "b" }] },
    ],
    ["The member 'enableFaultInjection'", {}, { enableFaultInjection: true }],
    ["The member 'pidMode'", {}, { pidMode: "host" }],
    ["The member 'ipcMode'", {}, { ipcMode: "host" }],
    ["runtimePlatform.cpuArchitecture 'ARM64'", {}, { runtimePlatform: { cpuArchitecture: "ARM64" } }],
    [
      "runtimePlatform.operatingSystemFamily 'WINDOWS_SERVER_2022_CORE'",
      {},
      { runtimePlatform: { operatingSystemFamily: "WINDOWS_SERVER_2022_CORE" } },
    ],
    [
      "The member 'containerDefinitions[0].environmentFiles'",
      { environmentFiles: [{ value: "a", type: "s3" }] },
      {},
    ],
    [
      "The member 'containerDefinitions[0].repositoryCredentials'",
      { repositoryCredentials: { credentialsParameter: "a" } },
      {},
    ],
    [
      "The member 'containerDefinitions[0].resourceRequirements'",
      { resourceRequirements: [{ type: "GPU", value: "1" }] },
      {},
    ],
    [
      "The member 'containerDefinitions[0].firelensConfiguration'",
      { firelensConfiguration: { type: "fluentd" } },
      {},
    ],
    ["The member 'containerDefinitions[0].credentialSpecs'", { credentialSpecs: ["a"] }, {}],
    ["The member 'containerDefinitions[0].disableNetworking'", { disableNetworking: true }, {}],
    ["containerDefinitions[0].versionConsistency 'enabled'", { versionConsistency: "enabled" }, {}],
    [
      "containerDefinitions[0].logConfiguration.logDriver 'awsfirelens'",
      { logConfiguration: { logDriver: "awsfirelens", options: {} } },
      {},
    ],
    [
      "The member 'containerDefinitions[0].portMappings[0].containerPortRange'",
      { portMappings: [{ containerPortRange: "80-81" }] },
      {},
    ],
    [
      "The member 'volumes[0].host.sourcePath'",
      {},
      { volumes: [{ name: "a", host: { sourcePath: "/etc" } }] },
    ],
    [
      "The member 'volumes[0].efsVolumeConfiguration'",
      {},
      { volumes: [{ name: "a", efsVolumeConfiguration: { fileSystemId: "fs-1" } }] },
    ],
    [
      "The member 'volumes[0].configuredAtLaunch'",
      {},
      { volumes: [{ name: "a", configuredAtLaunch: true }] },
    ],
    [
      "volumes[0].dockerVolumeConfiguration.scope 'shared'",
      {},
      { volumes: [{ name: "a", dockerVolumeConfiguration: { scope: "shared" } }] },
    ],
  ];
  it.each(unhonoured)("refuses by name what does not act: %s", async (what, container, changes) => {
    expect(await refusal(register([container], changes))).toBe(
      `ClientException: ${what} is not implemented by Estiba.`,
    );
  });
});
