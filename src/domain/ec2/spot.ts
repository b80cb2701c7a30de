// What may happen to a Spot Instance beyond any other's life: an interruption, and its request's cancellation. EC2 User Guide,
// "Spot Instances".
import { type InstanceRow, terminateInstance } from "./instance.ts";

/** AWS gives two minutes. */
export const SPOT_NOTICE_MS = 120_000;

/** EC2 API reference, StateReason. */
export const SPOT_TERMINATION = {
  code: "Server.SpotInstanceTermination",
  message: "Server.SpotInstanceTermination: Spot instance termination",
};

/** The notice: the instance goes after `noticeMs`. Only a running Spot Instance is interrupted, and only once. */
export function interruptSpot(instance: InstanceRow, noticeMs: number, now: number): InstanceRow {
  const { spot, state } = instance;
  if (spot === undefined || spot.interruption !== undefined || state !== "running") return instance;
  return { ...instance, spot: { ...spot, interruption: { noticedAt: now, at: now + noticeMs } } };
}

/** When an interrupted instance is to go; undefined when nothing is to be done. */
export function reclaimAt({ state, spot }: Pick<InstanceRow, "state" | "spot">): number | undefined {
  return state === "running" ? spot?.interruption?.at : undefined;
}

/** The notice is over. */
export function reclaimSpot(instance: InstanceRow, now: number): InstanceRow {
  const at = reclaimAt(instance);
  return at === undefined || now < at ? instance : terminateInstance(instance, SPOT_TERMINATION, now);
}

/** CancelSpotInstanceRequests. What has ended stays as it ended. */
export function cancelSpotRequest(instance: InstanceRow, now: number): InstanceRow {
  const { spot, state } = instance;
  if (spot === undefined || spot.cancelledAt !== undefined || state === "terminated") return instance;
  return { ...instance, spot: { ...spot, cancelledAt: now } };
}
