import { expect, it } from "vitest";
import { metadataSource } from "./metadata-source.ts";
import { seen, Walk, wireContainer } from "./task/fixture.suite.ts";

it("finds a container by its metadata id and tells what its task is", () => {
  const volumes = [{ name: "v", host: { sourcePath: "/srv" } }];
  const mountPoints = [{ sourceVolume: "v", containerPath: "/data", readOnly: false }];
  const walk = new Walk([wireContainer("web", { cpu: 10, memory: 20, mountPoints }), wireContainer("side")], {
    cpu: 0.25,
    memory: 512,
    volumes,
    serviceName: "shop",
  });
  walk.begin();
  walk.running("web", { health: "healthy", imageId: "sha256:1" });
  const source = metadataSource(() => [walk], "main");
  const found = source.find("m-web");
  expect(found?.container).toBe(found?.task.containers[0]);
  expect(found?.task).toMatchObject({
    cluster: "main",
    taskArn: walk.state.task.arn,
    desiredStatus: "RUNNING",
    knownStatus: "NONE",
    limits: { cpu: 0.25, memory: 512 },
    serviceName: "shop",
  });
  expect(found?.container).toMatchObject({
    dockerId: "id-web",
    dockerName: "ecs-web",
    imageId: "sha256:1",
    knownStatus: "RUNNING",
    limits: { cpu: 10, memory: 20 },
    volumes: [{ source: "/srv", destination: "/data" }],
    health: { status: "HEALTHY" },
  });
  walk.created("side");
  walk.on({ type: "started", container: "side", seen: seen("side") });
  expect(source.find("m-side")?.task.knownStatus).toBe("RUNNING");
  expect(source.find("m-nobody")).toBeUndefined();
});
