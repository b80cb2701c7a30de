import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ATTACHMENT_STATUSES,
  type NetworkAttachment,
  TASK_STATUSES,
  type TaskStatus,
} from "#domain/ecs/task.ts";
import { decideInterface } from "./decide.ts";

const NOW = 1000;
const task = (
  lastStatus: TaskStatus,
  status: NetworkAttachment["status"] = "PRECREATED",
  attachBy = NOW + 1,
) => ({
  lastStatus,
  attachment: {
    id: "a",
    status,
    subnetId: "subnet-1",
    networkInterfaceId: "eni-1",
    macAddress: "02:00:00:00:00:01",
    privateDnsName: "ip-10-64-0-9.ec2.internal",
    privateIp: "10.64.0.9",
    attachBy,
  },
});
const running = { state: "running" } as const;

describe("what a network interface needs next", () => {
  it.each([
    ["is made once its host runs", "attaching", task("PROVISIONING"), running, false, "attach"],
    ["waits for its host", "attaching", task("PROVISIONING"), { state: "pending" } as const, false, "wait"],
    ["waits for a host nobody knows", "attaching", task("PROVISIONING"), undefined, false, "wait"],
    [
      "is made again after a restart, until it is confirmed",
      "in-use",
      task("PROVISIONING", "ATTACHING"),
      running,
      false,
      "attach",
    ],
    ["is not made twice in one life", "in-use", task("PROVISIONING", "ATTACHING"), running, true, "wait"],
    [
      "is never made again once its agent has it",
      "attaching",
      task("PENDING", "ATTACHED"),
      running,
      false,
      "confirm",
    ],
    ["stays while its task runs", "in-use", task("RUNNING", "ATTACHED"), running, false, "wait"],
    ["stays while its task stops", "in-use", task("STOPPING", "ATTACHED"), running, true, "wait"],
    [
      "fails its task when nobody confirms it in time",
      "in-use",
      task("PROVISIONING", "ATTACHING", NOW),
      running,
      true,
      "fail",
    ],
    [
      "fails its task when it could not be made in time",
      "attaching",
      task("PROVISIONING", "PRECREATED", NOW),
      undefined,
      false,
      "fail",
    ],
    ["goes with its task", "in-use", task("DEPROVISIONING", "ATTACHED"), running, true, "detach"],
    ["goes when it was never made", "attaching", task("DEPROVISIONING"), undefined, false, "detach"],
    ["goes when its task is forgotten", "in-use", undefined, running, true, "detach"],
    [
      "is deleted when nothing of it is left",
      "detached",
      task("DEPROVISIONING", "DETACHED"),
      running,
      true,
      "delete",
    ],
  ] as const)("%s", (_what, status, row, host, inHand, expected) => {
    expect(decideInterface({ status }, row, host, inHand, NOW)).toBe(expected);
  });

  it("is taken from no task that may still use it, and left to none that has ended", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("attaching", "in-use", "detached" as const),
        fc.constantFrom(...TASK_STATUSES),
        fc.constantFrom(...ATTACHMENT_STATUSES),
        fc.constantFrom("pending", "running", "shutting-down", "terminated" as const),
        fc.boolean(),
        fc.nat(2000),
        (status, lastStatus, attachment, state, inHand, attachBy) => {
          const step = decideInterface(
            { status: status },
            task(lastStatus, attachment, attachBy),
            { state: state as "running" },
            inHand,
            NOW,
          );
          const ended = lastStatus === "DEPROVISIONING" || lastStatus === "STOPPED";
          if (status === "detached") expect(step).toBe("delete");
          else expect(step === "detach").toBe(ended);
          if (step === "fail") expect(lastStatus).toBe("PROVISIONING");
          if (step === "attach") expect([state, attachment === "ATTACHED"]).toEqual(["running", false]);
        },
      ),
    );
  });
});
