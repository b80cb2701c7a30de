import { describe, expect, it } from "vitest";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { TaskRow, TaskStatus } from "#domain/ecs/task.ts";
import { host } from "../world.suite.ts";
import { decidePoolHost } from "./decide.ts";

const KEEP = 60_000;
const NOW = 1_000_000;
const row = (more: Partial<InstanceRow> = {}, idleSince?: number): InstanceRow => ({
  ...host("1", 4),
  fargate: {
    cpu: 256,
    memoryMiB: 512,
    containerInstanceId: "c",
    ...(idleSince === undefined ? {} : { idleSince }),
  },
  ...more,
});
const task = (lastStatus: TaskStatus) => ({ lastStatus }) as TaskRow;
const up = { status: "ACTIVE", agentConnected: true } as const;
const decide = (of: InstanceRow, tasks: readonly TaskRow[] = [], instance: typeof up | undefined = up) =>
  decidePoolHost(of, instance, tasks, KEEP, NOW);

describe("a host of the pool", () => {
  it("with a task waits for its end, however long that is on its way out", () => {
    for (const status of ["PROVISIONING", "RUNNING", "DEPROVISIONING"] as const)
      expect(decide(row({}, NOW - 2 * KEEP), [task(status)])).toEqual({ step: "wait" });
  });

  it("without one rests, then ends", () => {
    expect(decide(row())).toEqual({ step: "rest" });
    expect(decide(row({}, NOW - 1))).toEqual({ step: "wait", at: NOW - 1 + KEEP });
    expect(decide(row({}, NOW - KEEP))).toEqual({ step: "end" });
  });

  it("whose agent is away ends at once, one that has yet to come up does not", () => {
    const away = { status: "ACTIVE", agentConnected: false } as const;
    expect(decidePoolHost(row({}, NOW), away, [], KEEP, NOW)).toEqual({ step: "end" });
    expect(decidePoolHost(row({ state: "pending" }, NOW), away, [], KEEP, NOW).step).toBe("wait");
    expect(decidePoolHost(row({}, NOW), undefined, [], KEEP, NOW).step).toBe("wait");
  });

  it("that is going fails the task that it was for, in the machine's words", () => {
    const stateReason = { code: "Server.InternalError", message: "Server.InternalError: no room" };
    const running = task("PROVISIONING");
    expect(decide(row({ state: "shutting-down", stateReason }), [running])).toEqual({
      step: "fail",
      tasks: [running],
      reason: "The task's host could not be provided: no room",
    });
    expect(decide(row({ state: "terminated" }), [running])).toMatchObject({
      step: "fail",
      reason: "The task's host ended.",
    });
  });

  it("that is gone is forgotten once its task is STOPPED", () => {
    expect(decide(row({ state: "terminated" }), [task("DEPROVISIONING")])).toEqual({ step: "wait" });
    expect(decide(row({ state: "terminated" }))).toEqual({ step: "forget" });
    expect(decide(row({ state: "shutting-down" }))).toEqual({ step: "wait" });
  });
});
