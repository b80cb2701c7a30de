// A clock that a test or the simulator moves by hand. Timers fire in time order, ties in the order they were set.
import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly at: number;
  readonly sequence: number;
  readonly fire: () => void;
}

export class TestClock implements Clock {
  #now: number;
  #sequence = 0;
  #pending: Pending[] = [];
  readonly #start: number;

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
    this.#start = start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(milliseconds: number, fire: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, milliseconds), sequence: this.#sequence++, fire };
    this.#pending.push(entry);
    return { cancel: () => void (this.#pending = this.#pending.filter((p) => p !== entry)) };
  }

  /** How many timers are waiting. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** When the next timer is due, in epoch milliseconds. */
  get nextDue(): number | undefined {
    return this.#next()?.at;
  }

  /**
   * Moves time on by `milliseconds`, firing what falls due. After each timer the promise queue is drained,
   * so that what a timer started has gone as far as it can before the next one fires.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      const due = next;
      this.#now = due.at;
      this.#pending = this.#pending.filter((p) => p !== due);
      due.fire();
      await settle();
    }
    this.#now = end;
  }

  #next(): Pending | undefined {
    let best: Pending | undefined;
    for (const p of this.#pending) {
      if (best === undefined || p.at < best.at || (p.at === best.at && p.sequence < best.sequence)) best = p;
    }
    return best;
  }
}

/** Lets every promise that can go on do so: two turns of the event loop. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => setImmediate(resolve));
}
