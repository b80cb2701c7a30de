import { describe, expect, it } from "vitest";
import { type InstanceRow, instanceTerminated, type InstanceState, terminateInstance } from "./instance.ts";
import { cancelSpotRequest, interruptSpot, reclaimAt, reclaimSpot } from "./spot.ts";

const row = (state: InstanceState, isSpot = true): InstanceRow => ({
  id: "i-1",
  region: "us-east-1",
  reservationId: "r-1",
  ownerId: "",
  imageId: "ami-1",
  instanceType: "t3.small",
  state,
  launchTime: 0,
  launchIndex: 0,
  availabilityZone: "us-east-1a",
  vpcId: "vpc-1",
  subnetId: "subnet-1",
  privateIp: "10.0.0.4",
  macAddress: "",
  networkInterfaceId: "eni-1",
  securityGroupIds: [],
  metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2, httpEndpoint: "enabled" },
  ...(isSpot ? { spot: { requestId: "sir-1" } } : {}),
  tags: {},
});
const STATES: readonly InstanceState[] = ["pending", "running", "shutting-down", "terminated"];

describe("an interruption", () => {
  it("is noticed by a running Spot Instance, which goes when the notice is over", () => {
    const noticed = interruptSpot(row("running"), 120_000, 1000);
    expect(noticed.state).toBe("running");
    expect(noticed.spot?.interruption).toEqual({ noticedAt: 1000, at: 121_000 });
    expect(reclaimAt(noticed)).toBe(121_000);
    expect(reclaimSpot(noticed, 120_999)).toBe(noticed);
    expect(reclaimSpot(noticed, 121_000)).toMatchObject({
      state: "shutting-down",
      stateReason: { code: "Server.SpotInstanceTermination" },
    });
  });

  it("comes once: a second one does not move the deadline", () => {
    const noticed = interruptSpot(row("running"), 120_000, 1000);
    expect(interruptSpot(noticed, 5, 2000)).toBe(noticed);
  });

  it.each(STATES.filter((s) => s !== "running"))("does not reach an instance that is %s", (state) => {
    const before = row(state);
    expect(interruptSpot(before, 1, 1)).toBe(before);
  });

  it("does not reach an instance that is no Spot Instance", () => {
    const before = row("running", false);
    expect(interruptSpot(before, 1, 1)).toBe(before);
    expect(reclaimAt(before)).toBeUndefined();
    expect(reclaimSpot(before, 10)).toBe(before);
  });

  it("leaves the reason of whoever terminated the instance first", () => {
    const byUser = { code: "Client.UserInitiatedShutdown", message: "m" };
    const ended = terminateInstance(interruptSpot(row("running"), 10, 0), byUser, 5);
    expect(reclaimAt(ended)).toBeUndefined();
    expect(reclaimSpot(ended, 10).stateReason).toEqual(byUser);
  });
});

describe("a cancelled request", () => {
  it("leaves the instance as it is, and is cancelled once", () => {
    const cancelled = cancelSpotRequest(row("running"), 7);
    expect(cancelled).toMatchObject({ state: "running", spot: { cancelledAt: 7 } });
    expect(cancelSpotRequest(cancelled, 8)).toBe(cancelled);
  });

  it("is not one that has ended, nor none", () => {
    const ended = instanceTerminated(row("shutting-down"), 1);
    expect(cancelSpotRequest(ended, 2)).toBe(ended);
    const plain = row("running", false);
    expect(cancelSpotRequest(plain, 2)).toBe(plain);
  });

  it("can still be interrupted", () => {
    expect(reclaimAt(interruptSpot(cancelSpotRequest(row("running"), 7), 10, 10))).toBe(20);
  });
});
