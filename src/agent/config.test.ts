import { describe, expect, it } from "vitest";
import { BadAgentConfig, parseConfigFile, readAgentConfig } from "./config.ts";
import { parseDuration } from "./duration.ts";

const needed = { AWS_DEFAULT_REGION: "eu-west-1", ECS_BACKEND_HOST: "http://10.64.0.2:4566" };
const read = (environment: Readonly<Record<string, string>> = {}, file = "") =>
  readAgentConfig({ ...needed, ...environment }, file);

describe("the agent's configuration", () => {
  it("has the stock agent's defaults", () => {
    expect(read()).toMatchObject({
      cluster: "default",
      clusterIsDefault: true,
      reservedTcpPorts: [22, 2375, 2376, 51678, 51679],
      reservedUdpPorts: [],
      reservedMemoryMiB: 0,
      logDrivers: ["json-file", "syslog", "awslogs", "fluentd", "none"],
      stopTimeoutSeconds: 30,
      startTimeoutMs: 180_000,
      createTimeoutMs: 240_000,
      cleanupWaitMs: 10_800_000,
    });
  });

  it("takes the environment before the file", () => {
    const file = "# a comment\nECS_CLUSTER=web\nexport ECS_RESERVED_MEMORY='32'\n";
    expect(read({}, file)).toMatchObject({ cluster: "web", clusterIsDefault: false, reservedMemoryMiB: 32 });
    expect(read({ ECS_CLUSTER: "other" }, file).cluster).toBe("other");
  });

  it("reads JSON, durations and port ranges", () => {
    const config = read({
      ECS_INSTANCE_ATTRIBUTES: '{"rack":"r1"}',
      ECS_CONTAINER_INSTANCE_TAGS: '{"team":"x"}',
      ECS_RESERVED_PORTS: "[22]",
      ECS_CONTAINER_STOP_TIMEOUT: "1m30s",
      ECS_DYNAMIC_HOST_PORT_RANGE: "40000-40010",
    });
    expect(config).toMatchObject({
      attributes: { rack: "r1" },
      tags: { team: "x" },
      reservedTcpPorts: [22],
      stopTimeoutSeconds: 90,
      dynamicPorts: { first: 40_000, last: 40_010 },
    });
  });

  it("completes a control plane's address without a scheme", () => {
    expect(read({ ECS_BACKEND_HOST: "ecs.example.com/" }).endpoint).toBe("https://ecs.example.com");
  });

  it.each([
    ["ECS_RESERVED_PORTS", "[70000]"],
    ["ECS_INSTANCE_ATTRIBUTES", "{rack:1}"],
    ["ECS_CONTAINER_STOP_TIMEOUT", "30"],
    ["ECS_CONTAINER_STOP_TIMEOUT", "500ms"],
    ["ECS_DYNAMIC_HOST_PORT_RANGE", "50000-40000"],
    ["ECS_IMAGE_PULL_BEHAVIOR", "once"],
    ["ESTIBA_VCPUS", "0"],
    ["ESTIBA_MEMORY_MIB", "2g"],
  ])("refuses %s=%s by name", (name, value) => {
    expect(() => read({ [name]: value })).toThrow(new RegExp(`^${name} is `));
    expect(() => read({ [name]: value })).toThrow(BadAgentConfig);
  });

  it("refuses a wish in the host's file that it would not fulfil, and accepts what it does anyway", () => {
    expect(() => read({}, "ECS_ENABLE_TASK_ENI=false\n")).toThrow(
      "This agent does not support: ECS_ENABLE_TASK_ENI=false",
    );
    expect(() => read({}, "ECS_NO_SUCH_THING=1\n")).toThrow("ECS_NO_SUCH_THING=1");
    expect(() =>
      read({}, "ECS_ENABLE_TASK_IAM_ROLE=true\nECS_ENABLE_TASK_ENI=true\nHTTP_PROXY=\n"),
    ).not.toThrow();
  });

  it("needs a region and a control plane", () => {
    expect(() => readAgentConfig({ AWS_DEFAULT_REGION: "x" }, "")).toThrow("ECS_BACKEND_HOST");
    expect(() => readAgentConfig({ ECS_BACKEND_HOST: "x" }, "")).toThrow("AWS_DEFAULT_REGION");
  });

  it("takes one pair of quotes off a value, and leaves others", () => {
    expect(parseConfigFile(`A="x"\nB='{"a":"b"}'\nC="\nnot a line\nD=a=b`)).toEqual({
      A: "x",
      B: '{"a":"b"}',
      C: '"',
      D: "a=b",
    });
  });
});

describe("ECS_TASK_METADATA_RPS_LIMIT", () => {
  it("is steady and burst requests a second, 40 and 60 unless said otherwise", () => {
    expect(read().metadataRate).toEqual({ perSecond: 40, burst: 60 });
    expect(read({}, "ECS_TASK_METADATA_RPS_LIMIT=100,150").metadataRate).toEqual({
      perSecond: 100,
      burst: 150,
    });
  });

  it.each(["100", "0,60", "40,0", "a,b", "40, 60"])("is not %s", (value) => {
    expect(() => read({}, `ECS_TASK_METADATA_RPS_LIMIT=${value}`)).toThrow(BadAgentConfig);
  });
});

it.each([
  ["30s", 30_000],
  ["1m30s", 90_000],
  ["3h", 10_800_000],
  ["1.5s", 1_500],
  ["250ms", 250],
  ["30", undefined],
  ["", undefined],
  ["-1s", undefined],
])("the duration %j is %s milliseconds", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});
