import { describe, expect, it } from "vitest";
import { toContainerState, toContainerStats } from "./container-state.ts";

const never = "0001-01-01T00:00:00Z";

describe("a container as Docker shows it", () => {
  it("that was never started has neither times nor an exit code", () => {
    const state = toContainerState({
      Id: "a",
      Name: "/n",
      Image: "sha256:i",
      State: { Status: "created", ExitCode: 127, Error: "no such file", StartedAt: never, FinishedAt: never },
      Config: { Labels: null },
      NetworkSettings: { Ports: {}, Networks: { bridge: { IPAddress: "" } } },
    });
    expect(state).toEqual({
      id: "a",
      name: "n",
      labels: {},
      status: "created",
      oomKilled: false,
      error: "no such file",
      ports: [],
      addresses: [],
      imageId: "sha256:i",
    });
  });

  it("that runs again does not show its last end", () => {
    const state = toContainerState({
      Id: "a",
      State: {
        Status: "running",
        ExitCode: 0,
        StartedAt: "2026-01-01T00:00:02.5Z",
        FinishedAt: "2026-01-01T00:00:01Z",
      },
    });
    expect(state.startedAt).toBe(Date.UTC(2026, 0, 1, 0, 0, 2, 500));
    expect(state).not.toHaveProperty("finishedAt");
    expect(state).not.toHaveProperty("exitCode");
  });

  it("shows when it was made, where its output goes and the newest probe of its health", () => {
    const probes = [
      { ExitCode: 1, Output: "old" },
      { ExitCode: 0, Output: "ok" },
    ];
    const state = toContainerState({
      Id: "a",
      Created: "2026-01-01T00:00:01Z",
      HostConfig: { LogConfig: { Type: "json-file", Config: { "max-size": "10m" } } },
      State: { Status: "running", Health: { Status: "healthy", Log: probes } },
    });
    expect(state).toMatchObject({
      createdAt: Date.UTC(2026, 0, 1, 0, 0, 1),
      log: { driver: "json-file", options: { "max-size": "10m" } },
      health: "healthy",
      probe: { exitCode: 0, output: "ok" },
    });
  });

  it.each([
    ["paused", "running"],
    ["restarting", "running"],
    ["removing", "exited"],
    ["dead", "exited"],
  ])("%s counts as %s", (status, expected) => {
    expect(toContainerState({ Id: "a", State: { Status: status } }).status).toBe(expected);
  });

  it("has health only where there is a check", () => {
    const health = (Status: string) => toContainerState({ Id: "a", State: { Health: { Status } } }).health;
    expect([health("starting"), health("healthy"), health("unhealthy")]).toEqual([
      "starting",
      "healthy",
      "unhealthy",
    ]);
    expect(health("none")).toBeUndefined();
  });

  it("shows an IPv6 wildcard only where no IPv4 one says the same", () => {
    const { ports } = toContainerState({
      Id: "a",
      NetworkSettings: {
        Ports: {
          "80/tcp": [
            { HostIp: "0.0.0.0", HostPort: "32768" },
            { HostIp: "::", HostPort: "32768" },
          ],
          "81/tcp": [{ HostIp: "::", HostPort: "32770" }],
          "82/udp": [{ HostIp: "", HostPort: "53" }],
          "83/tcp": null,
          "84/sctp": [{ HostIp: "0.0.0.0", HostPort: "84" }],
        },
      },
    });
    expect(ports).toEqual([
      { containerPort: 80, hostPort: 32768, protocol: "tcp", hostIp: "0.0.0.0" },
      { containerPort: 81, hostPort: 32770, protocol: "tcp", hostIp: "::" },
      { containerPort: 82, hostPort: 53, protocol: "udp", hostIp: "0.0.0.0" },
    ]);
  });

  it("uses memory without the cache that the kernel can take back, in either cgroup version", () => {
    const stats = (memory: object) =>
      toContainerStats({ cpu_stats: { cpu_usage: { total_usage: 5 } }, memory_stats: memory });
    expect(stats({ usage: 100, stats: { cache: 30 } })).toEqual({ cpuNanoseconds: 5, memoryBytes: 70 });
    expect(stats({ usage: 100, stats: { inactive_file: 20 } })).toEqual({
      cpuNanoseconds: 5,
      memoryBytes: 80,
    });
    expect(stats({ usage: 10, stats: { cache: 30 } })).toEqual({ cpuNanoseconds: 5, memoryBytes: 0 });
    expect(stats({})).toBeUndefined();
  });
});
