// Time as an input. Durations use `monotonic`, deadlines that survive a restart use `now`.
// Everything outside src/lib takes a Clock; lint refuses Date.now and setTimeout elsewhere.

export interface Timer {
  /** Cancels the timer; a second call, or one after it fired, does nothing. */
  cancel(): void;
}

export interface Clock {
  /** Wall time in epoch milliseconds. */
  now(): number;
  /** Milliseconds that never jump; only differences mean anything. */
  monotonic(): number;
  /** Calls `fire` once after `milliseconds`. The timer does not keep the process alive. */
  after(milliseconds: number, fire: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, fire) {
    const handle = setTimeout(fire, milliseconds);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `milliseconds` of `clock`; rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(milliseconds, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
