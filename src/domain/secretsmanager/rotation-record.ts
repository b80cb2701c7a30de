// What is kept of a secret's rotation.

export interface RotationRules {
  readonly automaticallyAfterDays?: number;
  /** `4h`: how long a rotation may take from its time on. */
  readonly duration?: string;
  /** `rate(…)` or `cron(…)`, in UTC. */
  readonly scheduleExpression?: string;
}

export const ROTATION_STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

export interface Rotation {
  readonly enabled: boolean;
  /** URL of the endpoint that is called, as RotationLambdaARN named it. */
  readonly hook: string;
  readonly rules: RotationRules;
  /** Epoch milliseconds: since when the rules hold, when it was last rotated and is next. */
  readonly since: number;
  readonly rotatedAt?: number;
  readonly nextAt?: number;
  readonly underWay?: {
    readonly versionId: string;
    readonly step: RotationStep;
    /** Of this rotation. */
    readonly failures: number;
    /** Epoch milliseconds. */
    readonly tryAt: number;
  };
}
