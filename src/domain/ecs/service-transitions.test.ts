import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  beginServiceDeployment,
  completeDeployment,
  drainService,
  finishServiceDeployment,
  forgetDeployments,
  leaveSteadyState,
  newService,
  type NewServiceInput,
  primaryOf,
  reachSteadyState,
  serviceEvent,
  serviceGone,
  setShortfall,
  startsFailed,
  startsSucceeded,
  updateService,
} from "./service-transitions.ts";
import type { ServiceRow } from "./service.ts";

const ACCOUNT = "000000000000";
const number = (n: number) => `1${String(n).padStart(18, "0")}`;
const input: NewServiceInput = {
  region: "us-east-1",
  account: ACCOUNT,
  clusterName: "main",
  clusterArn: `arn:aws:ecs:us-east-1:${ACCOUNT}:cluster/main`,
  name: "web",
  desiredCount: 2,
  specification: { taskDefinitionArn: "td:1", launchType: "EC2", loadBalancers: [] },
  containerImages: [{ containerName: "app", image: "web:1" }],
  minimumHealthyPercent: 100,
  maximumPercent: 200,
  placementConstraints: [],
  placementStrategy: [],
  enableEcsManagedTags: false,
  propagateTags: "NONE",
  enableExecuteCommand: false,
  createdBy: "arn:aws:iam::000000000000:root",
  tags: {},
};
const created = newService(input, number(1), 10);
const update = (service: ServiceRow, change: Parameters<typeof updateService>[1], n = 2, now = 20) =>
  updateService(service, change, ACCOUNT, number(n), now);

describe("a new service", () => {
  it("has one PRIMARY deployment whose number ends every ARN of it", () => {
    const { service, deployment, revision } = created;
    expect(service).toMatchObject({
      arn: `arn:aws:ecs:us-east-1:${ACCOUNT}:service/main/web`,
      status: "ACTIVE",
    });
    expect(service.deployments).toHaveLength(1);
    const primary = primaryOf(service);
    expect(primary).toMatchObject({
      id: `ecs-svc/${number(1)}`,
      rolloutState: "IN_PROGRESS",
      failedTasks: 0,
    });
    for (const arn of [
      primary?.serviceRevisionArn,
      primary?.serviceDeploymentArn,
      deployment.arn,
      revision.arn,
    ])
      expect(arn).toMatch(new RegExp(`/${number(1)}$`));
    expect(deployment).toMatchObject({
      status: "PENDING",
      targetServiceRevisionArn: revision.arn,
      sourceServiceRevisionArns: [],
    });
    expect(revision.containerImages).toEqual(input.containerImages);
    expect(service).not.toHaveProperty("account");
    expect(service).not.toHaveProperty("specification");
  });
});

describe("an update", () => {
  it("of desiredCount alone keeps PRIMARY and ends the steady state", () => {
    const steady = reachSteadyState(created.service, 15);
    const { service, deployment } = update(steady, { desiredCount: 5 });
    expect(deployment).toBeUndefined();
    expect(service.desiredCount).toBe(5);
    expect(primaryOf(service)?.id).toBe(primaryOf(created.service)?.id);
    expect(service.steadySince).toBeUndefined();
    expect(service.lastSteadyEventAt).toBe(15);
  });
  it("to another task definition makes a new PRIMARY and leaves the old one ACTIVE", () => {
    const { service, deployment, revision } = update(created.service, {
      specification: { taskDefinitionArn: "td:2" },
      containerImages: [{ containerName: "app", image: "web:2" }],
    });
    expect(service.deployments.map((d) => [d.status, d.taskDefinitionArn])).toEqual([
      ["PRIMARY", "td:2"],
      ["ACTIVE", "td:1"],
    ]);
    expect(deployment?.sourceServiceRevisionArns).toEqual([created.revision.arn]);
    expect(revision?.containerImages[0]?.image).toBe("web:2");
  });
  it("to the same task definition makes none, unless it is forced", () => {
    expect(
      update(created.service, { specification: { taskDefinitionArn: "td:1" } }).deployment,
    ).toBeUndefined();
    expect(update(created.service, { forceNewDeployment: true }).deployment).toBeDefined();
  });
  it("that only changes how new tasks are placed makes no deployment", () => {
    const { service, deployment } = update(created.service, { placementStrategy: [{ type: "random" }] });
    expect(deployment).toBeUndefined();
    expect(service.placementStrategy).toEqual([{ type: "random" }]);
  });
  it("of a draining service changes nothing", () => {
    const draining = drainService(created.service, 12, 1);
    expect(update(draining, { desiredCount: 3, forceNewDeployment: true })).toEqual({ service: draining });
  });
  it("does not erase what is given as undefined", () => {
    const { service } = update(created.service, { maximumPercent: undefined } as never);
    expect(service.maximumPercent).toBe(200);
  });
});

describe("deletion", () => {
  it("drains while tasks are active, and is INACTIVE at once without any", () => {
    expect(drainService(created.service, 12, 2)).toMatchObject({ status: "DRAINING", desiredCount: 0 });
    expect(drainService(created.service, 12, 0)).toMatchObject({ status: "INACTIVE", deletedAt: 12 });
  });
  it("ends once and only from DRAINING", () => {
    expect(serviceGone(created.service, 9)).toBe(created.service);
    const gone = serviceGone(drainService(created.service, 12, 2), 13);
    expect(gone).toMatchObject({ status: "INACTIVE", deletedAt: 13 });
    expect(drainService(gone, 14, 5)).toBe(gone);
  });
});

describe("deployments", () => {
  const id = `ecs-svc/${number(1)}`;
  it("complete once and never go back", () => {
    const done = completeDeployment(created.service, id, 30);
    expect(primaryOf(done)).toMatchObject({ rolloutState: "COMPLETED", updatedAt: 30 });
    expect(completeDeployment(done, id, 40)).toBe(done);
  });
  it("count failed starts until one succeeds", () => {
    const failing = startsFailed(created.service, id, { failedTasks: 3, lastFailureAt: 5, notBefore: 50 });
    expect(primaryOf(failing)).toMatchObject({ failedTasks: 3, notBefore: 50 });
    const well = startsSucceeded(failing, id, 60);
    expect(primaryOf(well)).toMatchObject({ failedTasks: 0, lastFailureAt: 5, countedSince: 60 });
    expect(primaryOf(well)).not.toHaveProperty("notBefore");
    expect(startsSucceeded(well, id, 61)).toBe(well);
  });
  it("are forgotten by id", () => {
    const two = update(created.service, { forceNewDeployment: true }).service;
    expect(forgetDeployments(two, [id]).deployments.map((d) => d.status)).toEqual(["PRIMARY"]);
    expect(forgetDeployments(two, ["ecs-svc/0"])).toBe(two);
  });
  it("have rows that begin once and finish once", () => {
    const begun = beginServiceDeployment(created.deployment, 11);
    expect(begun).toMatchObject({ status: "IN_PROGRESS", startedAt: 11 });
    expect(beginServiceDeployment(begun, 12)).toBe(begun);
    const done = finishServiceDeployment(begun, "SUCCESSFUL", undefined, 20);
    expect(done).toMatchObject({ status: "SUCCESSFUL", finishedAt: 20 });
    expect(finishServiceDeployment(done, "STOPPED", "late", 21)).toBe(done);
  });
});

describe("shortfall, steady state, events", () => {
  it("keeps the time since when a place has been missing for the same reason", () => {
    const short = setShortfall(created.service, { count: 2, reason: "memory" }, 5);
    expect(setShortfall(short, { count: 1, reason: "memory" }, 9).shortfall).toEqual({
      count: 1,
      reason: "memory",
      since: 5,
    });
    expect(setShortfall(short, { count: 2, reason: "ports" }, 9).shortfall?.since).toBe(9);
    expect(setShortfall(short, { count: 2, reason: "memory" }, 9)).toBe(short);
    expect(setShortfall(short, undefined, 9)).not.toHaveProperty("shortfall");
  });
  it("remembers the last steady-state event beyond the steady state itself", () => {
    const steady = reachSteadyState(created.service, 5);
    expect(reachSteadyState(steady, 9)).toMatchObject({ steadySince: 5, lastSteadyEventAt: 9 });
    const unsteady = leaveSteadyState(steady);
    expect(unsteady.lastSteadyEventAt).toBe(5);
    expect(leaveSteadyState(unsteady)).toBe(unsteady);
  });
  it("writes events in the service's name under keys that rise with time and id", () => {
    const first = serviceEvent(created.service, "has reached a steady state.", "0001", 999);
    const second = serviceEvent(created.service, "x", "0002", 999);
    const third = serviceEvent(created.service, "x", "0000", 1000);
    expect(first.row.message).toBe("(service web) has reached a steady state.");
    expect([third.key, second.key, first.key].sort()).toEqual([first.key, second.key, third.key]);
  });
});

it("has exactly one PRIMARY, the newest, after any updates, and distinct deployments", () => {
  const change = fc.record(
    {
      desiredCount: fc.nat(9),
      forceNewDeployment: fc.boolean(),
      specification: fc.record({ taskDefinitionArn: fc.constantFrom("td:1", "td:2", "td:3") }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      let service = created.service;
      changes.forEach((c, i) => {
        const before = service;
        const rows = update(service, c, i + 2, 20 + i);
        service = rows.service;
        const isNew = rows.deployment !== undefined;
        expect(service.deployments.length).toBe(before.deployments.length + (isNew ? 1 : 0));
        expect(rows.revision === undefined).toBe(!isNew);
        expect(service.desiredCount).toBe(c.desiredCount ?? before.desiredCount);
        if (c.specification !== undefined)
          expect(primaryOf(service)?.taskDefinitionArn).toBe(c.specification.taskDefinitionArn);
      });
      expect(service.deployments.map((d) => d.status)).toEqual([
        "PRIMARY",
        ...service.deployments.slice(1).map(() => "ACTIVE"),
      ]);
      expect(new Set(service.deployments.map((d) => d.id)).size).toBe(service.deployments.length);
    }),
  );
});
