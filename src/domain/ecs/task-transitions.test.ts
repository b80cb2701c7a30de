import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TASK_STATUSES, type TaskContainer, type TaskRow } from "./task.ts";
import {
  activateTask,
  interfaceGone,
  interfaceOffHost,
  interfaceOnHost,
  interruptTask,
  loseTask,
  provisioningTimedOut,
  reportTask,
  reportTaskHealth,
  stopTask,
  protectTask,
  taskDrained,
  type TaskReport,
} from "./task-transitions.ts";

const container = (name: string, more: Partial<TaskContainer> = {}): TaskContainer => ({
  arn: `arn:aws:ecs:us-east-1:000000000000:container/web/t1/${name}`,
  name,
  image: "web:1",
  essential: true,
  hasHealthCheck: false,
  cpu: 0,
  lastStatus: "PENDING",
  hasRun: false,
  healthStatus: "UNKNOWN",
  networkBindings: [],
  ...more,
});

const task = (more: Partial<TaskRow> = {}): TaskRow => ({
  arn: "arn:aws:ecs:us-east-1:000000000000:task/web/t1",
  id: "t1",
  region: "us-east-1",
  clusterName: "web",
  clusterArn: "arn:aws:ecs:us-east-1:000000000000:cluster/web",
  taskDefinitionArn: "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1",
  family: "web",
  revision: 1,
  networkMode: "bridge",
  launchType: "EC2",
  group: "family:web",
  lastStatus: "PENDING",
  desiredStatus: "RUNNING",
  version: 1,
  resources: { cpu: 0, memoryMiB: 64, tcpPorts: [], udpPorts: [] },
  containers: [container("app"), container("sidecar", { essential: false })],
  overrides: {},
  healthStatus: "UNKNOWN",
  loadBalancers: [],
  createdAt: 0,
  enableExecuteCommand: false,
  tags: {},
  ...more,
});

const balanced = { targetGroupArn: "arn:tg", containerName: "app", containerPort: 80 };
const runningReport: TaskReport = {
  status: "RUNNING",
  containers: [
    { name: "app", status: "RUNNING", runtimeId: "d1" },
    { name: "sidecar", status: "RUNNING" },
  ],
};
const userStop = { code: "UserInitiated", reason: "because" } as const;

describe("a task's way from the agent's reports", () => {
  it("is RUNNING at the agent's word when no load balancer waits for it", () => {
    const next = reportTask(task(), runningReport, 5);
    expect(next).toMatchObject({ lastStatus: "RUNNING", startedAt: 5, version: 2 });
    expect(next.containers[0]).toMatchObject({ lastStatus: "RUNNING", runtimeId: "d1", hasRun: true });
  });

  it("is ACTIVATING until its targets are registered", () => {
    const activating = reportTask(task({ loadBalancers: [balanced] }), runningReport, 5);
    expect(activating.lastStatus).toBe("ACTIVATING");
    const running = activateTask(activating, ["k1"], 6);
    expect(running).toMatchObject({
      lastStatus: "RUNNING",
      startedAt: 6,
      loadBalancers: [{ targetKey: "k1" }],
    });
  });

  it("stops with EssentialContainerExited when an essential container ends, and does not drain a dead port", () => {
    const running = activateTask(
      reportTask(task({ loadBalancers: [balanced] }), runningReport, 5),
      ["k1"],
      6,
    );
    const ended = reportTask(
      running,
      { status: "RUNNING", containers: [{ name: "app", status: "STOPPED", exitCode: 3 }] },
      7,
    );
    expect(ended).toMatchObject({
      lastStatus: "STOPPING",
      desiredStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
    });
  });

  it("goes on when a container that is not essential ends", () => {
    const running = reportTask(task(), runningReport, 5);
    const next = reportTask(
      running,
      { containers: [{ name: "sidecar", status: "STOPPED", exitCode: 0 }] },
      6,
    );
    expect(next).toMatchObject({ lastStatus: "RUNNING", desiredStatus: "RUNNING" });
  });

  it("tells TaskFailedToStart with the container's reason when nothing ever ran", () => {
    const report: TaskReport = {
      status: "STOPPED",
      containers: [{ name: "app", status: "STOPPED", reason: "CannotPullContainerError: no such image" }],
    };
    expect(reportTask(task(), report, 9)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: "CannotPullContainerError: no such image",
      stoppedAt: 9,
    });
  });

  it("applies a container that occurs twice in order", () => {
    const report: TaskReport = {
      status: "RUNNING",
      containers: [
        { name: "sidecar", status: "RUNNING", exitCode: 4 },
        { name: "sidecar", status: "STOPPED", exitCode: 4 },
      ],
    };
    expect(reportTask(task(), report, 1).containers[1]).toMatchObject({
      lastStatus: "STOPPED",
      exitCode: 4,
      hasRun: true,
    });
  });

  it("does not change at all for a repeated report", () => {
    const once = reportTask(task(), runningReport, 5);
    expect(reportTask(once, runningReport, 50)).toBe(once);
  });
});

describe("a stop that Estiba decides", () => {
  it("drains first when targets are registered, and tells the agent only then", () => {
    const running = activateTask(
      reportTask(task({ loadBalancers: [balanced] }), runningReport, 5),
      ["k1"],
      6,
    );
    const stopping = stopTask(running, userStop, 10);
    expect(stopping).toMatchObject({ lastStatus: "DEACTIVATING", desiredStatus: "STOPPED", stoppingAt: 10 });
    expect(taskDrained(stopping).lastStatus).toBe("STOPPING");
  });

  it("keeps the first cause", () => {
    const stopped = stopTask(task(), userStop, 10);
    const again = stopTask(stopped, { code: "ServiceSchedulerInitiated", reason: "scaling" }, 11);
    const ended = reportTask(
      again,
      { status: "STOPPED", containers: [{ name: "app", status: "STOPPED", exitCode: 143 }] },
      12,
    );
    expect(ended).toMatchObject({
      stopCode: "UserInitiated",
      stoppedReason: "because",
      lastStatus: "STOPPED",
    });
  });
});

describe("an interruption", () => {
  const spot = (more: Partial<TaskRow> = {}) =>
    task({ launchType: "FARGATE", capacityProviderName: "FARGATE_SPOT", ...more });

  it("is told to the agent at once, also with targets", () => {
    const loadBalancers = [{ ...balanced, targetKey: "k" }];
    const after = interruptTask(spot({ lastStatus: "RUNNING", loadBalancers }), 10);
    expect(after).toMatchObject({
      lastStatus: "STOPPING",
      desiredStatus: "STOPPED",
      stopCode: "SpotInterruption",
      stoppedReason: "Your Spot Task was interrupted.",
      stoppingAt: 10,
    });
    expect(interruptTask(after, 11)).toBe(after);
  });

  it("comes to tasks on FARGATE_SPOT only, and not to those that stop already", () => {
    const others = [task(), task({ launchType: "FARGATE", capacityProviderName: "FARGATE" })];
    for (const other of others) expect(interruptTask(other, 1)).toBe(other);
    const draining = stopTask(
      spot({ lastStatus: "RUNNING", loadBalancers: [{ ...balanced, targetKey: "k" }] }),
      userStop,
      1,
    );
    expect(draining.lastStatus).toBe("DEACTIVATING");
    expect(interruptTask(draining, 2)).toBe(draining);
  });
});

describe("container health", () => {
  it("makes the task UNHEALTHY when an essential container is", () => {
    const checked = task({
      containers: [container("app", { hasHealthCheck: true, lastStatus: "RUNNING" })],
      lastStatus: "RUNNING",
    });
    expect(reportTaskHealth(checked, { app: "UNHEALTHY" }).healthStatus).toBe("UNHEALTHY");
    expect(reportTaskHealth(checked, { app: "HEALTHY" }).healthStatus).toBe("HEALTHY");
    expect(reportTaskHealth(checked, { other: "HEALTHY" })).toBe(checked);
  });
});

describe("every transition", () => {
  const status = fc.constantFrom("PENDING", "RUNNING", "STOPPED");
  const containerReport = fc.record(
    {
      name: fc.constantFrom("app", "sidecar", "unknown"),
      status,
      exitCode: fc.integer({ min: 0, max: 255 }),
    },
    { requiredKeys: ["name"] },
  );
  type Step = (t: TaskRow, now: number) => TaskRow;
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc
      .record(
        { status, containers: fc.array(containerReport, { maxLength: 3 }) },
        { requiredKeys: ["containers"] },
      )
      .map(
        (report): Step =>
          (t, now) =>
            reportTask(t, report, now),
      ),
    fc.constant<Step>((t, now) => activateTask(t, ["k"], now)),
    fc.constant<Step>((t, now) => stopTask(t, userStop, now)),
    fc.constant<Step>((t) => taskDrained(t)),
    fc.option(fc.nat(200), { nil: undefined }).map(
      (until): Step =>
        (t) =>
          protectTask(t, until),
    ),
    fc.constant<Step>((t, now) =>
      loseTask(t, { code: "TerminationNotice", reason: "Host EC2 terminated." }, now),
    ),
  );

  it("only ever moves forward, keeps the first cause, and counts each change once", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 20 }), (withTarget, steps) => {
        let current = task(withTarget ? { loadBalancers: [balanced] } : {});
        steps.forEach((apply, i) => {
          const next = apply(current, 100 + i);
          expect(TASK_STATUSES.indexOf(next.lastStatus)).toBeGreaterThanOrEqual(
            TASK_STATUSES.indexOf(current.lastStatus),
          );
          if (current.desiredStatus === "STOPPED") expect(next.desiredStatus).toBe("STOPPED");
          if (current.stopCode !== undefined) expect(next.stopCode).toBe(current.stopCode);
          if (current.lastStatus === "STOPPED") expect(next).toBe(current);
          expect(next.version - current.version).toBe(next === current ? 0 : 1);
          if (next.lastStatus === "STOPPED") {
            expect(next.stoppedAt).toBeDefined();
            expect(next.stopCode).toBeDefined();
            expect(next.containers.every((c) => c.lastStatus === "STOPPED")).toBe(true);
          }
          current = next;
        });
      }),
    );
  });
});

const attachment = {
  id: "a1",
  status: "PRECREATED",
  subnetId: "subnet-1",
  networkInterfaceId: "eni-1",
  macAddress: "02:00:00:00:00:01",
  privateDnsName: "ip-10-64-0-9.ec2.internal",
  privateIp: "10.64.0.9",
  attachBy: 1000,
} as const;
const provisioning = () => task({ networkMode: "awsvpc", lastStatus: "PROVISIONING", attachment });
const shown = (row: TaskRow) => [row.lastStatus, row.attachment?.status];

describe("a task with a network interface", () => {
  it("walks with it from PRECREATED to DELETED", () => {
    let row = interfaceOnHost(provisioning());
    expect(shown(row)).toEqual(["PROVISIONING", "ATTACHING"]);
    row = reportTask(row, { containers: [], attached: ["a1"] }, 1);
    expect(shown(row)).toEqual(["PENDING", "ATTACHED"]);
    row = reportTask(row, runningReport, 2);
    expect(shown(row)).toEqual(["RUNNING", "ATTACHED"]);
    row = stopTask(row, userStop, 3);
    row = reportTask(row, { status: "STOPPED", containers: [] }, 4);
    expect(shown(row)).toEqual(["DEPROVISIONING", "ATTACHED"]);
    expect(row.stoppedAt).toBeUndefined();
    row = interfaceOffHost(row);
    expect(shown(row)).toEqual(["DEPROVISIONING", "DETACHED"]);
    row = interfaceGone(row, 5);
    expect(shown(row)).toEqual(["STOPPED", "DELETED"]);
    expect(row).toMatchObject({ stoppedAt: 5, stopCode: "UserInitiated", version: 8 });
  });

  it.each([
    [
      "another attachment's confirmation",
      (t: TaskRow) => reportTask(t, { containers: [], attached: ["x"] }, 1),
    ],
    ["a release while it is wanted", (t: TaskRow) => interfaceGone(interfaceOffHost(t), 1)],
  ])("is not moved by %s", (_what, act) => {
    expect(act(provisioning())).toEqual(provisioning());
  });

  it("is deprovisioned at once when it is stopped, lost or late before its agent had it", () => {
    for (const act of [
      (t: TaskRow) => stopTask(t, userStop, 7),
      (t: TaskRow) => loseTask(t, userStop, 7),
      (t: TaskRow) => provisioningTimedOut(t, 7),
    ])
      expect(act(provisioning())).toMatchObject({
        lastStatus: "DEPROVISIONING",
        desiredStatus: "STOPPED",
        stoppingAt: 7,
        containers: [{ lastStatus: "STOPPED" }, { lastStatus: "STOPPED" }],
      });
  });

  it("ends for the reason that its agent gives for the whole task", () => {
    const reason = "ContainerNetworkingError: ~internal~ecs~pause has ended";
    const ended = { name: "app", status: "STOPPED", exitCode: 137 } as const;
    const row = reportTask(
      task({ lastStatus: "RUNNING" }),
      { status: "RUNNING", reason, containers: [ended] },
      1,
    );
    expect(row).toMatchObject({ lastStatus: "STOPPING", stoppedReason: reason });
  });

  it("does not fail by time once its agent has it", () => {
    const attached = reportTask(provisioning(), { containers: [], attached: ["a1"] }, 1);
    expect(provisioningTimedOut(attached, 2000)).toBe(attached);
  });

  it("never goes back, and is STOPPED only without its interface, whatever happens in which order", () => {
    const steps: readonly ((t: TaskRow) => TaskRow)[] = [
      interfaceOnHost,
      interfaceOffHost,
      (t) => interfaceGone(t, 9),
      (t) => provisioningTimedOut(t, 9),
      (t) => reportTask(t, { containers: [], attached: ["a1"] }, 9),
      (t) => reportTask(t, runningReport, 9),
      (t) => reportTask(t, { status: "STOPPED", containers: [] }, 9),
      (t) => stopTask(t, userStop, 9),
      (t) => loseTask(t, userStop, 9),
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(steps.length - 1), { maxLength: 20 }), (order) => {
        let row = provisioning();
        for (const step of order) {
          const next = steps[step]?.(row) ?? row;
          expect(TASK_STATUSES.indexOf(next.lastStatus)).toBeGreaterThanOrEqual(
            TASK_STATUSES.indexOf(row.lastStatus),
          );
          expect(next.lastStatus === "STOPPED").toBe(next.attachment?.status === "DELETED");
          row = next;
        }
      }),
    );
  });
});
