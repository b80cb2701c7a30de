// The interruption of a Spot Instance: from the notice in its row to the end of its host.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { interruptSpot } from "#domain/ec2/spot.ts";
import { addresses } from "#store/tables/ec2.ts";
import { quiet } from "../world.suite.ts";
import { createInstanceFixture, type InstanceFixture } from "./fixture.suite.ts";

const NOTICE = 120_000;
let f: InstanceFixture;
beforeEach(async () => {
  f = await createInstanceFixture();
});
afterEach(() => f.close());

const putSpot = async (id: string) => {
  await f.put(id, { state: "running", spot: { requestId: `sir-${id}` } });
  f.compute.hosts.add(`i-${id}`);
};
const interrupt = (id: string) => f.change(id, (row) => interruptSpot(row, NOTICE, f.world.clock.now()));
const advance = async (milliseconds: number) => {
  await f.world.clock.advance(milliseconds);
  await quiet();
};
const ended = {
  state: "terminated",
  stateReason: {
    code: "Server.SpotInstanceTermination",
    message: "Server.SpotInstanceTermination: Spot instance termination",
  },
};

describe("an interrupted Spot Instance", () => {
  it("runs until its notice is over, and then goes with all that it held", async () => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    await advance(NOTICE - 1);
    expect(f.state("i-a")).toBe("running");
    expect(f.compute.hosts.has("i-a")).toBe(true);
    await advance(1);
    expect(f.row("i-a")).toMatchObject(ended);
    expect(f.compute.hosts.size).toBe(0);
    expect([...f.world.store.scan(addresses)]).toEqual([]);
  });

  it("writes nothing while it waits", async () => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    const before = f.world.store.durableCommits;
    await advance(NOTICE - 1);
    expect(f.world.store.durableCommits).toBe(before);
  });

  it("goes at its deadline also when another life of the control plane comes to it", async () => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    await advance(NOTICE / 2);
    await f.nextLife();
    await f.start();
    await advance(NOTICE / 2 - 1);
    expect(f.state("i-a")).toBe("running");
    await advance(1);
    expect(f.row("i-a")).toMatchObject(ended);
  });

  it("goes at once when its deadline passed while the control plane was away", async () => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    await f.nextLife();
    await advance(NOTICE * 2);
    expect(f.state("i-a")).toBe("running");
    await f.start();
    expect(f.row("i-a")).toMatchObject(ended);
    expect(f.compute.hosts.size).toBe(0);
  });

  it("goes though its host can no longer be adopted", async () => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    await f.nextLife();
    f.compute.refuse.launch = "its engine does not answer";
    await f.start();
    await advance(NOTICE);
    // The attempts to adopt it are over by then, or end with the next.
    await advance(30_000);
    expect(f.row("i-a")).toMatchObject(ended);
  });

  it("that its user terminates first goes then, for that reason", async () => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    await f.terminate("i-a");
    await advance(NOTICE);
    expect(f.row("i-a")).toMatchObject({
      state: "terminated",
      stateReason: { code: "Client.UserInitiatedShutdown" },
    });
  });

  it.each([0, 1, 2, 3, 4])("goes when the control plane died after %i writes of its end", async (writes) => {
    await f.start();
    await putSpot("a");
    await interrupt("i-a");
    await advance(NOTICE - 1);
    f.backend.failAfter = writes;
    await advance(1);
    await f.nextLife();
    await f.start();
    await advance(2000);
    expect(f.row("i-a")).toMatchObject(ended);
    expect(f.compute.hosts.size).toBe(0);
  });
});
