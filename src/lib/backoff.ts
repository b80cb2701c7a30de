// Delays that grow: exponential, bounded, with jitter.
import type { Random } from "./random.ts";

export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maximumMs: number;
  readonly factor: number;
  /** The delay is moved by up to this fraction either way. */
  readonly jitter: number;
}

/** The delay before attempt number `attempt` (0 is the first retry), in milliseconds. */
export function backoffDelay(
  policy: BackoffPolicy,
  attempt: number,
  random: Pick<Random, "fraction">,
): number {
  const base = Math.min(policy.maximumMs, policy.initialMs * policy.factor ** attempt);
  return Math.round(base * (1 + policy.jitter * (2 * random.fraction() - 1)));
}
