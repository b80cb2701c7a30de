import * as ecs from "@aws-sdk/client-ecs";
import * as elbv2 from "@aws-sdk/client-elastic-load-balancing-v2";
import * as iam from "@aws-sdk/client-iam";
import { expect, it } from "vitest";
import { createShapes, operationNames } from "./shape.ts";

it("knows the required members of an operation's input", () => {
  const input = createShapes(ecs).operation("RegisterTaskDefinition")?.input;
  expect(input?.members.filter((m) => m.required).map((m) => m.name)).toEqual([
    "family",
    "containerDefinitions",
  ]);
});

it("knows only the package's own operations, whatever name a caller sends", () => {
  const shapes = createShapes(ecs);
  for (const name of ["Cluster", "RunTaskRequest", "toString", "__proto__", "", "a".repeat(10_000)]) {
    expect(shapes.operation(name)).toBeUndefined();
  }
  expect(operationNames(ecs)).toContain("RunTask");
  expect(operationNames(ecs)).not.toContain("RunTaskRequest");
});

it("finds an error by its shape's name and by its code on the wire, with the model's status", () => {
  const noSuchEntity = { code: "NoSuchEntity", statusCode: 404 };
  expect(createShapes(iam).error("NoSuchEntityException")).toEqual(noSuchEntity);
  expect(createShapes(iam).error("NoSuchEntity")).toEqual(noSuchEntity);
  expect(createShapes(elbv2).error("LoadBalancerNotFoundException")?.code).toBe("LoadBalancerNotFound");
  expect(createShapes(ecs).error("Nope")).toBeUndefined();
});

it("adds the members that AWS's own clients send and the public model lacks", () => {
  const shapes = createShapes(ecs, { RegisterContainerInstance: ["clientToken"] });
  const names = (operation: string) => shapes.operation(operation)?.input.members.map((m) => m.name);
  expect(names("RegisterContainerInstance")).toEqual(expect.arrayContaining(["clientToken", "cluster"]));
  expect(names("DeregisterContainerInstance")).not.toContain("clientToken");
});
