// Rotation of a secret: when it is due, and the steps that its hook is called for, in order (Secrets Manager User Guide, "Rotation by
// Lambda function"). Each step is stored before the next, so a server that dies goes on where it was. Who calls is the controller's.
import { dueAfter, readSchedule } from "../events/schedule.ts";
import { ROTATION_STEPS, type Rotation } from "./rotation-record.ts";
import { CURRENT, PENDING, withStages, type SecretRow } from "./secret.ts";

type Rotating = SecretRow & { readonly rotation: Rotation };

const DAY_MS = 24 * 60 * 60 * 1000;
const RETRY_MS = 60_000;
/** After so many failures a rotation waits for its next time. */
export const MOST_FAILURES = 5;

export const isRotating = (row: SecretRow): row is Rotating => row.rotation !== undefined;

/** Undefined: the rules name no time that comes. */
export function nextRotation(
  { rules, since }: Pick<Rotation, "rules" | "since">,
  now: number,
): number | undefined {
  if (rules.automaticallyAfterDays !== undefined) return now + rules.automaticallyAfterDays * DAY_MS;
  const schedule =
    rules.scheduleExpression === undefined ? undefined : readSchedule(rules.scheduleExpression);
  return schedule === undefined ? undefined : dueAfter(schedule, since, now);
}

export function withRotation(
  row: SecretRow,
  { hook, rules }: Pick<Rotation, "hook" | "rules">,
  now: number,
): Rotating {
  const { nextAt: _, ...before } = row.rotation ?? { since: now };
  const since = row.rotation !== undefined && row.rotation.rules === rules ? before.since : now;
  return { ...row, rotation: timed({ ...before, enabled: true, hook, rules, since }, now), changedAt: now };
}

/** The caller stores the version, without a value: the hook fills it. */
export function startRotation(row: Rotating, versionId: string, now: number): Rotating {
  const after = withStages(row, versionId, [PENDING], now);
  const underWay = { versionId, step: ROTATION_STEPS[0], failures: 0, tryAt: now };
  return { ...after, rotation: { ...row.rotation, underWay } };
}

/** The hook has done the step. After the last one the version must be the current one, or it was not done. */
export function rotationStepDone(row: Rotating, now: number): Rotating {
  const { underWay } = row.rotation;
  if (underWay === undefined) return row;
  const next = ROTATION_STEPS[ROTATION_STEPS.indexOf(underWay.step) + 1];
  if (next !== undefined)
    return { ...row, rotation: { ...row.rotation, underWay: { ...underWay, step: next, tryAt: now } } };
  if (row.stages[CURRENT] !== underWay.versionId) return rotationFailed(row, now);
  const { underWay: _, nextAt: __, ...rotation } = row.rotation;
  const { [PENDING]: pending, ...stages } = row.stages;
  return {
    ...row,
    stages: pending === undefined || pending === underWay.versionId ? stages : row.stages,
    rotation: timed({ ...rotation, rotatedAt: now }, now),
  };
}

/** It is tried again after a while, from the step that failed; after a few times not before it is due again. */
export function rotationFailed(row: Rotating, now: number): Rotating {
  const { underWay } = row.rotation;
  if (underWay === undefined) return row;
  const failures = underWay.failures + 1;
  if (failures < MOST_FAILURES) {
    const tryAt = now + RETRY_MS * 2 ** (failures - 1);
    return { ...row, rotation: { ...row.rotation, underWay: { ...underWay, failures, tryAt } } };
  }
  const { underWay: _, nextAt: __, ...rotation } = row.rotation;
  return { ...row, rotation: timed(rotation, now) };
}

/** What is under way is given up; the version stays AWSPENDING, as on AWS. */
export function withoutRotation(row: Rotating, now: number): Rotating {
  const { underWay: _, nextAt: __, ...rotation } = row.rotation;
  return { ...row, rotation: { ...rotation, enabled: false }, changedAt: now };
}

function timed(rotation: Rotation, now: number): Rotation {
  const nextAt = rotation.enabled ? nextRotation(rotation, now) : undefined;
  return nextAt === undefined ? rotation : { ...rotation, nextAt };
}

/** When something is to be done for the secret: a rotation's step, a rotation, or its end. */
export function nextMoment({ rotation, deletedAt, deletionAt }: SecretRow): number | undefined {
  if (deletedAt !== undefined) return deletionAt;
  if (rotation?.enabled !== true) return undefined;
  return rotation.underWay?.tryAt ?? rotation.nextAt;
}
