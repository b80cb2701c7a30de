import { describe, expect, it } from "vitest";
import { exited, seen, Walk, wireContainer } from "./fixture.suite.ts";
import { pendingReport } from "./report.ts";
import { rejectedTask } from "./state.ts";
import { wireTask } from "./fixture.suite.ts";

/** What is pending; accepted at once. */
const accept = (walk: Walk) => {
  const report = pendingReport(walk.state);
  if (report !== undefined) walk.on({ type: "reported", reported: report.reported });
  return report;
};

describe("what is to be reported of a task", () => {
  it("is nothing before anything was made", () => {
    const walk = new Walk([wireContainer("web")]);
    walk.begin();
    expect(pendingReport(walk.state)).toBeUndefined();
  });

  it("is RUNNING with the container's id and ports once all run, and nothing more thereafter", () => {
    const walk = new Walk([wireContainer("web")]);
    walk.begin();
    walk.running("web", {
      ports: [
        { containerPort: 80, hostPort: 32_768, protocol: "tcp", hostIp: "0.0.0.0" },
        { containerPort: 80, hostPort: 32_768, protocol: "tcp", hostIp: "::" },
      ],
    });
    const report = accept(walk);
    expect(report?.urgent).toBe(true);
    expect(report?.input).toMatchObject({
      status: "RUNNING",
      reason: "",
      pullStartedAt: walk.now / 1000,
      containers: [
        {
          containerName: "web",
          status: "RUNNING",
          runtimeId: "id-web",
          networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32_768, protocol: "tcp" }],
        },
      ],
    });
    expect(accept(walk)).toBeUndefined();
  });

  it("may wait when containers came up and the task did not yet", () => {
    const dependsOn = [{ containerName: "db", condition: "HEALTHY" }];
    const walk = new Walk([wireContainer("db"), wireContainer("web", { dependsOn })]);
    walk.begin();
    walk.running("db", { health: "starting" });
    const report = accept(walk);
    expect(report).toMatchObject({
      urgent: false,
      input: { status: "PENDING", containers: [{ containerName: "db", status: "RUNNING" }] },
    });
    walk.on({ type: "seen", container: "db", seen: seen("db", { health: "healthy" }) });
    walk.running("web");
    expect(accept(walk)?.input).toMatchObject({
      status: "RUNNING",
      containers: [{ containerName: "web" }],
    });
  });

  it("may not wait when an essential container ended", () => {
    const walk = new Walk([wireContainer("web"), wireContainer("side")]);
    walk.begin();
    walk.running("web");
    walk.running("side");
    accept(walk);
    walk.ends("web", 3);
    expect(accept(walk)).toMatchObject({
      urgent: true,
      input: {
        status: "RUNNING",
        executionStoppedAt: walk.now / 1000,
        containers: [{ containerName: "web", status: "STOPPED", exitCode: 3 }],
      },
    });
    walk.on({ type: "stopped", container: "side", seen: exited("side", 143) });
    expect(accept(walk)?.input).toMatchObject({
      status: "STOPPED",
      containers: [{ containerName: "side", status: "STOPPED", exitCode: 143 }],
    });
    expect(accept(walk)).toBeUndefined();
  });

  it("is the end alone when it came before the start was told", () => {
    const walk = new Walk([wireContainer("job")]);
    walk.begin();
    walk.running("job");
    walk.ends("job", 0);
    const report = accept(walk);
    expect(report?.input).toMatchObject({ status: "STOPPED", containers: [{ exitCode: 0 }] });
    expect(accept(walk)).toBeUndefined();
  });

  it("is the reason, without containers, of a task that was refused", () => {
    const walk = new Walk([]);
    walk.state = rejectedTask(wireTask([wireContainer("web")]), "UnrecogniedTaskError: no");
    walk.on({ type: "woke" });
    expect(accept(walk)?.input).toEqual({
      task: walk.state.task.arn,
      status: "STOPPED",
      reason: "UnrecogniedTaskError: no",
    });
  });

  it("is cut to what the API takes", () => {
    const walk = new Walk([wireContainer("web")]);
    walk.begin();
    walk.on({
      type: "failed",
      container: "web",
      action: "pull",
      temporary: false,
      reason: "R: ".padEnd(5000, "x"),
    });
    const containers = accept(walk)?.input["containers"] as readonly { readonly reason: string }[];
    expect(containers[0]?.reason).toHaveLength(1024);
  });
});
