import { beforeEach, describe, expect, it } from "vitest";
import { EngineError } from "../engine/port.ts";
import { wireContainer, wireTask } from "../task/fixture.suite.ts";
import { createImages, type ImagePullBehavior } from "./image.ts";
import { createVolumesHook } from "./volumes.ts";

describe("getting an image", () => {
  let present: boolean;
  let fault: EngineError | undefined;
  let pulls: string[];
  beforeEach(() => ([present, fault, pulls] = [false, undefined, []]));

  const images = (behavior: ImagePullBehavior) =>
    createImages(
      {
        findImage: async () => (present ? { imageId: "sha256:1" } : undefined),
        async pullImage(reference) {
          pulls.push(reference);
          await Promise.resolve();
          if (fault !== undefined) throw fault;
          return { imageId: "sha256:1" };
        },
      },
      behavior,
    );

  it("takes what the engine has, else pulls", async () => {
    await images("prefer-cached").obtain("a:1", {});
    present = true;
    await images("prefer-cached").obtain("a:1", {});
    expect(pulls).toEqual(["a:1"]);
  });

  it("pulls first when told so, and falls back on what the engine has unless it must not", async () => {
    [present, fault] = [true, new EngineError("image-missing", "manifest unknown")];
    await images("default").obtain("a:1", {});
    await expect(images("always").obtain("a:1", {})).rejects.toMatchObject({
      reason: "CannotPullContainerError: manifest unknown",
    });
    expect(pulls).toHaveLength(2);
  });

  it("hands on that the engine is away, which is worth another try", async () => {
    fault = new EngineError("unreachable", "away");
    await expect(images("prefer-cached").obtain("a:1", {})).rejects.toBe(fault);
  });

  it("makes one pull of many at a time", async () => {
    const shared = images("prefer-cached");
    await Promise.all([shared.obtain("a:1", {}), shared.obtain("a:1", {}), shared.obtain("b:1", {})]);
    expect(pulls).toEqual(["a:1", "b:1"]);
    await shared.obtain("a:1", {});
    expect(pulls).toHaveLength(3);
  });
});

describe("volumes", () => {
  const volumes = new Map<string, Readonly<Record<string, string>>>();
  let fault: EngineError | undefined;
  const hook = createVolumesHook({
    async createVolume(name, labels) {
      if (fault !== undefined) throw fault;
      volumes.set(name, labels);
    },
    removeVolume: async (name) => void volumes.delete(name),
  });
  const task = wireTask([wireContainer("web")], {
    volumes: [
      { name: "path", host: { sourcePath: "/srv" } },
      { name: "scratch", host: {} },
      {
        name: "shared",
        type: "docker",
        dockerVolumeConfiguration: { scope: "shared", autoprovision: true, labels: { a: "b" } },
      },
    ],
  });

  it("are made before the task; its own go with it, shared ones stay", async () => {
    await hook.prepare?.({ id: "0123", task });
    await hook.prepare?.({ id: "0123", task });
    expect([...volumes]).toEqual([
      ["ecs-web-1-scratch-0123", { "com.amazonaws.ecs.task-arn": task.arn }],
      ["shared", { a: "b" }],
    ]);
    await hook.cleanup?.({ id: "0123", task });
    await hook.cleanup?.({ id: "0123", task });
    expect([...volumes.keys()]).toEqual(["shared"]);
  });

  it("that cannot be made fail the task by AWS's name", async () => {
    fault = new EngineError("refused", "no space left on device");
    await expect(hook.prepare?.({ id: "0123", task })).rejects.toMatchObject({
      reason: "CannotCreateVolumeError: no space left on device",
    });
  });
});
