import { describe, expect, it } from "vitest";
import type { TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import { resourcesOf } from "./demand.ts";

const body = (more: Partial<TaskDefinitionBody>): TaskDefinitionBody => ({
  family: "web",
  containerDefinitions: [],
  ...more,
});

describe("a task's resources as the agent counts them", () => {
  it("are the task's own size where it has one", () => {
    const definition = body({
      cpu: "256",
      memory: "512",
      containerDefinitions: [{ cpu: 1000, memory: 9000 }],
    });
    expect(resourcesOf(definition, {})).toMatchObject({ cpu: 256, memoryMiB: 512 });
    expect(resourcesOf(definition, { cpu: "512", memory: "1024" })).toMatchObject({
      cpu: 512,
      memoryMiB: 1024,
    });
  });
  it("are the sum over containers otherwise, the reservation before the limit", () => {
    const definition = body({
      containerDefinitions: [
        { name: "a", cpu: 100, memory: 300, memoryReservation: 200 },
        { name: "b", cpu: 50, memory: 64 },
        { name: "c" },
      ],
    });
    expect(resourcesOf(definition, {})).toMatchObject({ cpu: 150, memoryMiB: 264 });
    const overrides = { containerOverrides: [{ name: "b", cpu: 70, memoryReservation: 16 }] };
    expect(resourcesOf(definition, overrides)).toMatchObject({ cpu: 170, memoryMiB: 216 });
  });
  it("hold static host ports only, of each protocol", () => {
    const portMappings = [
      { containerPort: 80, hostPort: 0 },
      { containerPort: 81, hostPort: 8081 },
      { containerPort: 53, hostPort: 53, protocol: "udp" as const },
      { containerPort: 82 },
    ];
    expect(resourcesOf(body({ containerDefinitions: [{ portMappings }] }), {})).toMatchObject({
      tcpPorts: [8081],
      udpPorts: [53],
    });
  });
  it("hold every container port in host mode, and none in awsvpc", () => {
    const containerDefinitions = [{ portMappings: [{ containerPort: 80, hostPort: 80 }] }];
    expect(resourcesOf(body({ networkMode: "host", containerDefinitions }), {}).tcpPorts).toEqual([80]);
    expect(resourcesOf(body({ networkMode: "awsvpc", containerDefinitions }), {}).tcpPorts).toEqual([]);
  });
});
