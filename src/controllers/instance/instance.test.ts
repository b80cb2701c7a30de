import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { instanceTerminated } from "#domain/ec2/instance.ts";
import { addresses, instances } from "#store/tables/ec2.ts";
import { quiet, REGION } from "../world.suite.ts";
import { createInstanceFixture, type InstanceFixture } from "./fixture.suite.ts";

let f: InstanceFixture;
beforeEach(async () => {
  f = await createInstanceFixture();
});
afterEach(() => f.close());

describe("a pending instance", () => {
  it("becomes a host of its type's size and then runs", async () => {
    await f.start();
    await f.put("a", {
      userData: Buffer.from("#!/bin/bash\n").toString("base64"),
      metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1, httpEndpoint: "enabled" },
    });
    expect(f.compute.specs).toEqual([
      {
        instanceId: "i-a",
        region: REGION,
        availabilityZone: "us-east-1a",
        instanceType: "t3.medium",
        vcpus: 2,
        memoryMiB: 4096,
        vpcId: "vpc-1",
        privateIp: "10.64.0.4",
        macAddress: "02:00:00:00:00:01",
        metadataHopLimit: 1,
        userData: "#!/bin/bash\n",
        endpoint: "http://vpc-1.test:4566",
      },
    ]);
    expect(f.state("i-a")).toBe("running");
  });

  it("runs only once its host is up", async () => {
    await f.start();
    f.compute.hold = "launch";
    await f.put("a");
    expect(f.state("i-a")).toBe("pending");
    f.compute.letGo();
    await quiet();
    expect(f.state("i-a")).toBe("running");
    expect(f.compute.calls).toEqual(["launch i-a", "launched i-a"]);
  });

  it("waits while others are launched: four at a time", async () => {
    await f.start();
    f.compute.hold = "launch";
    for (let n = 0; n < 10; n += 1) await f.put(`n${n}`);
    expect(f.compute.launching.now).toBe(4);
    f.compute.letGo();
    await quiet();
    expect(f.compute.launching.most).toBe(4);
    expect([...f.world.store.find(instances, "state", "running")]).toHaveLength(10);
  });

  it("whose launch fails is terminated with the reason, and nothing of it is left", async () => {
    await f.start();
    f.compute.refuse.launch = "the engine did not answer";
    await f.put("a");
    expect(f.row("i-a")).toMatchObject({
      state: "terminated",
      terminatedAt: f.world.clock.now(),
      stateReason: {
        code: "Server.InternalError",
        message: "Server.InternalError: the engine did not answer",
      },
    });
    expect(f.compute.hosts.size).toBe(0);
    expect([...f.world.store.scan(addresses)]).toEqual([]);
    expect(f.compute.calls).toEqual(["launch i-a", "terminate i-a"]);
  });

  it("keeps a bounded reason, however much the launch had to say", async () => {
    await f.start();
    f.compute.refuse.launch = "x".repeat(100_000);
    await f.put("a");
    expect(f.row("i-a")?.stateReason?.message.length).toBeLessThan(1100);
  });

  it("of a type that is no longer known is terminated, not retried", async () => {
    await f.start();
    await f.put("a", { instanceType: "z1.gone" });
    expect(f.state("i-a")).toBe("terminated");
    expect(f.row("i-a")?.stateReason?.message).toContain("z1.gone");
  });

  it("that is terminated while its host is made is removed when the launch is over, and never runs", async () => {
    await f.start();
    f.compute.hold = "launch";
    await f.put("a");
    await f.terminate("i-a");
    await f.world.clock.advance(10_000);
    expect(f.compute.calls).toEqual(["launch i-a"]);
    expect(f.state("i-a")).toBe("shutting-down");
    f.compute.letGo();
    await quiet();
    expect(f.compute.calls).toEqual(["launch i-a", "launched i-a", "terminate i-a"]);
    expect(f.state("i-a")).toBe("terminated");
  });

  it("that is terminated while it waits for its launch is never launched", async () => {
    await f.start();
    f.compute.hold = "launch";
    for (let n = 0; n < 5; n += 1) await f.put(`n${n}`);
    await f.terminate("i-n4");
    expect(f.state("i-n4")).toBe("terminated");
    f.compute.letGo();
    await quiet();
    expect(f.compute.calls).not.toContain("launch i-n4");
  });
});

describe("an instance on its way out", () => {
  it("is terminated when its host is gone, and its address is free", async () => {
    await f.start();
    await f.put("a");
    f.compute.hold = "terminate";
    await f.terminate("i-a");
    expect(f.state("i-a")).toBe("shutting-down");
    expect([...f.world.store.scan(addresses)]).toHaveLength(1);
    f.compute.letGo();
    await quiet();
    expect(f.row("i-a")).toMatchObject({
      state: "terminated",
      stateReason: { code: "Client.UserInitiatedShutdown" },
    });
    expect([...f.world.store.scan(addresses)]).toHaveLength(0);
  });

  it("is tried again when its host could not be removed", async () => {
    await f.start();
    await f.put("a");
    f.compute.refuse.terminate = "device busy";
    await f.terminate("i-a");
    expect(f.state("i-a")).toBe("shutting-down");
    delete f.compute.refuse.terminate;
    await f.world.clock.advance(1000);
    await quiet();
    expect(f.state("i-a")).toBe("terminated");
  });

  it("is terminated though the store refused the first write", async () => {
    await f.start();
    await f.put("a");
    f.compute.hold = "terminate";
    await f.terminate("i-a");
    f.backend.mode = "fail";
    f.compute.letGo();
    await quiet();
    expect(f.state("i-a")).toBe("shutting-down");
    f.backend.mode = "succeed";
    await f.world.clock.advance(60_000);
    await quiet();
    expect(f.state("i-a")).toBe("terminated");
  });
});

describe("after a start of the control plane", () => {
  it("running instances are launched again, which adopts them, and nobody sees a change", async () => {
    await f.put("a", { state: "running" });
    f.compute.hosts.add("i-a");
    const before = f.row("i-a");
    const commits = f.world.store.durableCommits;
    await f.start();
    expect(f.compute.calls).toEqual(["launch i-a", "launched i-a"]);
    expect(f.row("i-a")).toEqual(before);
    expect(f.world.store.durableCommits).toBe(commits);
  });

  it("a running instance whose host cannot be adopted keeps its state and is tried again", async () => {
    await f.put("a", { state: "running" });
    f.compute.refuse.launch = "the machine is busy";
    await f.start();
    expect(f.state("i-a")).toBe("running");
    expect(f.compute.calls).not.toContain("terminate i-a");
    delete f.compute.refuse.launch;
    await f.world.clock.advance(1000);
    await quiet();
    expect(f.compute.calls.at(-1)).toBe("launched i-a");
  });

  it("a launch that was cut short is finished", async () => {
    await f.put("a");
    f.compute.hosts.add("i-a");
    await f.start();
    expect(f.state("i-a")).toBe("running");
  });

  it("hosts without a row, or with a terminated one, are removed; others stay", async () => {
    await f.put("a", { state: "running" });
    await f.put("b");
    await f.change("i-b", (r) => instanceTerminated(r, 1));
    for (const id of ["i-a", "i-b", "i-nobody"]) f.compute.hosts.add(id);
    await f.start();
    expect([...f.compute.hosts]).toEqual(["i-a"]);
  });

  it("hosts are looked for again when they could not be listed", async () => {
    f.compute.hosts.add("i-nobody");
    f.compute.refuse.list = "permission denied";
    await f.start();
    expect(f.compute.hosts.size).toBe(1);
    delete f.compute.refuse.list;
    await f.world.clock.advance(1000);
    await quiet();
    expect(f.compute.hosts.size).toBe(0);
  });
});

describe("its end", () => {
  it("waits for the launch under way and begins no other", async () => {
    const controller = await f.start();
    f.compute.hold = "launch";
    for (let n = 0; n < 5; n += 1) await f.put(`n${n}`);
    let closed = false;
    const closing = controller.close().then(() => (closed = true));
    await quiet();
    expect(closed).toBe(false);
    f.compute.letGo();
    await closing;
    expect(f.compute.calls.filter((c) => c.startsWith("launch "))).toHaveLength(4);
    expect(f.state("i-n0")).toBe("running");
    expect(f.state("i-n4")).toBe("pending");
  });
});

it("writes nothing for an instance that only runs", async () => {
  await f.start();
  await f.put("a");
  const before = f.world.store.durableCommits;
  await f.world.clock.advance(3_600_000);
  await quiet();
  expect(f.world.store.durableCommits).toBe(before);
});
