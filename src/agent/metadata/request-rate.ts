// How many requests one source may make: a token bucket each, so that a noisy task takes nothing from its neighbours.
import type { Clock } from "#lib/clock.ts";

/** More sources than an instance has addresses for tasks; past it, the one that asked longest ago is forgotten. */
const SOURCES = 1024;

export interface RequestRate {
  readonly perSecond: number;
  readonly burst: number;
}

export class SourceLimiter {
  readonly #rate: RequestRate;
  readonly #clock: Clock;
  /** In order of last use. */
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(rate: RequestRate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Whether the source may make one more request now; counts it if so. */
  admits(source: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(source) ?? { tokens: this.#rate.burst, at: now };
    bucket.tokens = Math.min(
      this.#rate.burst,
      bucket.tokens + ((now - bucket.at) / 1000) * this.#rate.perSecond,
    );
    bucket.at = now;
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > SOURCES && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
