import { describe, expect, it } from "vitest";
import type { WireContainer, WireSecret, WireTask } from "#acs/messages.ts";
import { containerSpec, dockerNameOf, type SpecSettings } from "./container-spec.ts";
import { refusalOf } from "./task-check.ts";
import { freshTask, wireContainer, wireTask } from "./task/fixture.suite.ts";
import type { TaskState } from "./task/state.ts";

const SETTINGS: SpecSettings = { cluster: "main", region: "eu-west-1", servesCredentials: false };
const MIB = 1024 * 1024;

const specOf = (
  container: Partial<WireContainer>,
  task: Partial<WireTask> = {},
  settings: Partial<SpecSettings> = {},
  state: Partial<TaskState> = {},
) => {
  const fresh = freshTask(wireTask([wireContainer("web", container), wireContainer("db")], task));
  return containerSpec({ ...fresh, ...state }, "web", { ...SETTINGS, ...settings });
};
const SECRET: WireSecret = {
  name: "A",
  valueFrom: "a",
  region: "eu-west-1",
  provider: "ssm",
  type: "ENVIRONMENT_VARIABLE",
  target: "CONTAINER",
};
const docker = (config: object, hostConfig: object = {}) => ({
  dockerConfig: { config: JSON.stringify(config), hostConfig: JSON.stringify(hostConfig) },
});

describe("a container's specification", () => {
  it("carries image, command, environment, shares, memory and the labels by which it is found again", () => {
    const spec = specOf({
      command: ["run"],
      entryPoint: ["/bin/sh"],
      environment: { A: "1", AWS_REGION: "mine" },
      cpu: 256,
      memory: 128,
    });
    expect(spec).toEqual({
      name: "ecs-web",
      config: {
        Image: "web:1",
        Cmd: ["run"],
        Entrypoint: ["/bin/sh"],
        Env: ["AWS_REGION=mine", "AWS_DEFAULT_REGION=eu-west-1", "A=1"],
        Labels: {
          "com.amazonaws.ecs.task-arn": "arn:aws:ecs:us-east-1:000000000000:task/main/0123",
          "com.amazonaws.ecs.container-name": "web",
          "com.amazonaws.ecs.task-definition-family": "web",
          "com.amazonaws.ecs.task-definition-version": "1",
          "com.amazonaws.ecs.cluster": "main",
          "estiba.agent": "1",
        },
      },
      hostConfig: { NetworkMode: "bridge", CpuShares: 256, Memory: 128 * MIB },
    });
  });

  it("keeps to Docker's bounds of shares and memory", () => {
    expect(specOf({}).hostConfig).toMatchObject({ CpuShares: 2 });
    expect(specOf({}).hostConfig).not.toHaveProperty("Memory");
    expect(specOf({ cpu: 999_999, memory: 1 }).hostConfig).toMatchObject({
      CpuShares: 262_144,
      Memory: 4 * MIB,
    });
  });

  it("lays the task definition's Docker settings over its own, but never over the agent's labels", () => {
    const spec = specOf(
      docker({ User: "app", Labels: { team: "x", "estiba.agent": "2" } }, { CapAdd: ["NET_ADMIN"] }),
    );
    expect(spec.config).toMatchObject({ User: "app", Labels: { team: "x", "estiba.agent": "1" } });
    expect(spec.hostConfig).toMatchObject({ CapAdd: ["NET_ADMIN"], NetworkMode: "bridge" });
  });

  it("publishes the ports that were chosen, in bridge mode only", () => {
    const portMappings = [{ containerPort: 80, hostPort: 0, protocol: "tcp" as const }];
    const hostPorts = { web: [{ containerPort: 80, hostPort: 32_768, protocol: "tcp" as const }] };
    const bridge = specOf({ portMappings }, {}, {}, { hostPorts });
    expect(bridge.config["ExposedPorts"]).toEqual({ "80/tcp": {} });
    expect(bridge.hostConfig["PortBindings"]).toEqual({ "80/tcp": [{ HostPort: "32768" }] });
    const host = specOf({ portMappings, ...docker({}, { NetworkMode: "host" }) }, {}, {}, { hostPorts });
    expect(host.hostConfig).not.toHaveProperty("PortBindings");
  });

  it("binds host paths below the host's root, a task's own volumes, and shared ones by their name", () => {
    const spec = specOf(
      {
        mountPoints: [
          { sourceVolume: "path", containerPath: "/a", readOnly: true },
          { sourceVolume: "own_1", containerPath: "/b", readOnly: false },
          { sourceVolume: "shared", containerPath: "/c", readOnly: false },
        ],
      },
      {
        volumes: [
          { name: "path", host: { sourcePath: "/srv" } },
          { name: "own_1", host: {} },
          {
            name: "shared",
            type: "docker",
            dockerVolumeConfiguration: { scope: "shared", autoprovision: true },
          },
        ],
      },
      { hostRoot: "/roots/i-1" },
    );
    expect(spec.hostConfig["Binds"]).toEqual(["/roots/i-1/srv:/a:ro", "ecs-web-1-own1-0123:/b", "shared:/c"]);
  });

  it("names other containers by their Docker names in links and volumesFrom", () => {
    const spec = specOf({
      links: ["db", "db:store"],
      volumesFrom: [{ sourceContainer: "db", readOnly: true }],
    });
    expect(spec.hostConfig).toMatchObject({
      Links: ["ecs-db:db", "ecs-db:store"],
      VolumesFrom: ["ecs-db:ro"],
    });
  });

  it("leads to credentials and metadata only where they are served", () => {
    const env = (servesCredentials: boolean, credentialsId?: string) =>
      specOf({}, {}, { servesCredentials }, credentialsId === undefined ? {} : { credentialsId }).config[
        "Env"
      ] as string[];
    expect(env(true, "c1")).toContain("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/c1");
    expect(env(true)).toContain("ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/m-web");
    expect(env(true).join()).not.toContain("AWS_CONTAINER_CREDENTIALS");
    expect(env(false, "c1").join()).not.toContain("169.254.170.2");
    expect(env(false, "c1").join()).not.toContain("CREDENTIALS");
  });

  it("fails with AWS's names for what Docker could not take", () => {
    const reasonName = (container: Partial<WireContainer>) => {
      try {
        specOf(container);
      } catch (error) {
        return (error as { readonly reasonName?: string }).reasonName;
      }
      return undefined;
    };
    expect(reasonName({ healthCheckType: "docker" })).toBe("DockerClientConfigError");
    expect(reasonName({ dockerConfig: { config: "{" } })).toBe("DockerClientConfigError");
    expect(reasonName({ dockerConfig: { hostConfig: "[]" } })).toBe("HostConfigError");
    expect(reasonName({ mountPoints: [{ sourceVolume: "v", containerPath: "/", readOnly: false }] })).toBe(
      "InvalidVolumeError",
    );
  });

  it("is named for family, revision and container", () => {
    expect(dockerNameOf(wireTask([]), "my_web.1", "ab12")).toBe("ecs-web-1-myweb1-ab12");
  });
});

describe("the log driver awslogs", () => {
  const log = { Type: "awslogs", Config: { "awslogs-group": "g" } };
  const configOf = (container: Partial<WireContainer>, settings: Partial<SpecSettings> = {}) =>
    specOf({ ...docker({}, { LogConfig: log }), ...container }, {}, settings, {
      executionCredentialsId: "e-1",
    }).hostConfig["LogConfig"];

  it("is told where the execution role's credentials are, when the task logs by that role", () => {
    expect(configOf({ logsAuthStrategy: "ExecutionRole" }, { servesCredentials: true })).toEqual({
      Type: "awslogs",
      Config: { "awslogs-group": "g", "awslogs-credentials-endpoint": "/v2/credentials/e-1" },
    });
  });

  it("uses the instance's otherwise, and other drivers are told nothing", () => {
    expect(configOf({}, { servesCredentials: true })).toEqual(log);
    expect(configOf({ logsAuthStrategy: "ExecutionRole" })).toEqual(log);
    const other = { ...log, Type: "json-file" };
    const container = { ...docker({}, { LogConfig: other }), logsAuthStrategy: "ExecutionRole" as const };
    expect(configOf(container, { servesCredentials: true })).toEqual(other);
  });
});

describe("a task that this agent cannot run", () => {
  const refusal = (containers: readonly Partial<WireContainer>[], task: Partial<WireTask> = {}) =>
    refusalOf(
      wireTask(
        containers.map((c, i) => wireContainer(`c${i}`, c)),
        task,
      ),
      { awsvpc: false, secrets: false },
    )?.reason;
  const fault = "UnrecogniedTaskError: Error loading task - ";

  it("is told from one that it can", () => {
    expect(refusal([{}])).toBeUndefined();
    expect(refusal([{}], { networkMode: "host", pidMode: "host", ipcMode: "none" })).toBeUndefined();
  });

  it.each<readonly [string, readonly Partial<WireContainer>[], Partial<WireTask>]>([
    ["the task has no containers", [], {}],
    ["two containers have the same name", [{ name: "a" }, { name: "a" }], {}],
    ["no container is essential", [{ essential: false }], {}],
    ["network mode awsvpc is not supported by this agent", [{}], { networkMode: "awsvpc" }],
    ["pidMode task is not supported by this agent", [{}], { pidMode: "task" }],
    ["ipcMode task is not supported by this agent", [{}], { ipcMode: "task" }],
    ["container member secrets is not supported by this agent", [{ secrets: [SECRET] }], {}],
    [
      "a member is missing or of a wrong type",
      [{ secrets: [{ ...SECRET, provider: "vault" }] } as never],
      {},
    ],
    ["invalid Volume; must include a name", [{}], { volumes: [{ host: {} } as never] }],
    ["invalid Volume; empty volume configuration", [{}], { volumes: [{ name: "v" }] }],
    [
      "volume type efs is not supported by this agent",
      [{}],
      { volumes: [{ name: "v", type: "efs" } as never] },
    ],
    [
      "volume driver nfs is not supported by this agent",
      [{}],
      { volumes: [{ name: "v", type: "docker", dockerVolumeConfiguration: { driver: "nfs" } }] },
    ],
    [
      "a shared volume without autoprovision is not supported by this agent",
      [{}],
      { volumes: [{ name: "v", type: "docker", dockerVolumeConfiguration: { scope: "shared" } }] },
    ],
  ])("is refused by name: %s", (words, containers, task) => {
    expect(refusal(containers, task)).toBe(fault + words);
  });

  it("is refused for dependencies that lead nowhere", () => {
    const on = (containerName: string) => ({ dependsOn: [{ containerName, condition: "START" }] });
    expect(refusal([on("c1"), on("c0")])).toMatch(/^TaskDependencyError: .*form a cycle$/);
    expect(refusal([on("c0")])).toMatch(/^TaskDependencyError: .*form a cycle$/);
    expect(refusal([on("x")])).toBe(
      'TaskDependencyError: container "c0" depends on "x", which is not part of the task',
    );
  });

  it("is refused when a container may have more memory than the task", () => {
    expect(refusal([{ memory: 512 }], { memory: 128 })).toMatch(
      /container memory limit\(512\) greater than task memory limit\(128\)$/,
    );
  });
});

describe("the runtime that a host's tasks are to have", () => {
  it("is asked of the engine whatever the order says, and told by a label", () => {
    const spec = specOf(docker({}, { Runtime: "runc" }), {}, { runtime: "runsc" });
    expect(spec.hostConfig["Runtime"]).toBe("runsc");
    expect(spec.config["Labels"]).toMatchObject({ "estiba.runtime": "runsc" });
  });

  it("is never replaced by another: a task is refused where the engine lacks it", () => {
    const task = wireTask([wireContainer("web")]);
    const refusal = refusalOf(task, { awsvpc: true, secrets: true, lacksRuntime: "runsc" });
    expect(refusal).toEqual({
      reason: "RuntimeNotAvailable: tasks are to run with runsc, which is not installed on their host",
      isInvalid: false,
    });
    expect(refusalOf(task, { awsvpc: true, secrets: true })).toBeUndefined();
  });
});
