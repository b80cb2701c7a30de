// The instances of a cluster, found by what is free on them: buckets over free memory and over free CPU, so that a look for
// room passes over full instances. Order inside a bucket follows the history of changes, not chance.
import type { SchedulerInstance } from "./instance.ts";

/** What place() reads; FreeIndex is it, a test may be simpler. */
export interface InstanceSource {
  all(): Iterable<SchedulerInstance>;
  /** Every instance that has this much free, in chunks; and maybe some that have less. */
  candidates(cpu: number, memoryMiB: number): readonly (readonly SchedulerInstance[])[];
}

export class FreeIndex implements InstanceSource {
  readonly #instances = new Map<string, SchedulerInstance>();
  readonly #byMemory = new Buckets((i) => i.memoryMiB);
  readonly #byCpu = new Buckets((i) => i.cpu);

  get size(): number {
    return this.#instances.size;
  }

  get(arn: string): SchedulerInstance | undefined {
    return this.#instances.get(arn);
  }

  all(): Iterable<SchedulerInstance> {
    return this.#instances.values();
  }

  set(instance: SchedulerInstance): void {
    const before = this.#instances.get(instance.arn);
    this.#instances.set(instance.arn, instance);
    for (const buckets of [this.#byMemory, this.#byCpu]) buckets.replace(before, instance);
  }

  delete(arn: string): void {
    const before = this.#instances.get(arn);
    if (before === undefined) return;
    this.#instances.delete(arn);
    for (const buckets of [this.#byMemory, this.#byCpu]) buckets.remove(before);
  }

  candidates(cpu: number, memoryMiB: number): readonly (readonly SchedulerInstance[])[] {
    const byMemory = this.#byMemory.atLeast(memoryMiB);
    const byCpu = this.#byCpu.atLeast(cpu);
    return count(byCpu) < count(byMemory) ? byCpu : byMemory;
  }
}

export const count = (chunks: readonly (readonly unknown[])[]): number =>
  chunks.reduce((sum, chunk) => sum + chunk.length, 0);

class Buckets {
  readonly #amount: (instance: SchedulerInstance) => number;
  readonly #buckets = new Map<number, SchedulerInstance[]>();
  readonly #places = new Map<string, { readonly bucket: number; index: number }>();

  constructor(amount: (instance: SchedulerInstance) => number) {
    this.#amount = amount;
  }

  replace(before: SchedulerInstance | undefined, instance: SchedulerInstance): void {
    const place = this.#places.get(instance.arn);
    const bucket = bucketOf(this.#amount(instance));
    if (place?.bucket === bucket) {
      (this.#buckets.get(bucket) as SchedulerInstance[])[place.index] = instance;
      return;
    }
    if (before !== undefined) this.remove(before);
    const list = this.#buckets.get(bucket) ?? [];
    this.#buckets.set(bucket, list);
    this.#places.set(instance.arn, { bucket, index: list.push(instance) - 1 });
  }

  remove(instance: SchedulerInstance): void {
    const place = this.#places.get(instance.arn);
    if (place === undefined) return;
    this.#places.delete(instance.arn);
    const list = this.#buckets.get(place.bucket) as SchedulerInstance[];
    const last = list.pop() as SchedulerInstance;
    if (last.arn === instance.arn) return;
    list[place.index] = last;
    (this.#places.get(last.arn) as { index: number }).index = place.index;
  }

  atLeast(amount: number): readonly (readonly SchedulerInstance[])[] {
    const least = bucketOf(amount);
    return [...this.#buckets.keys()]
      .filter((b) => b >= least)
      .sort((a, b) => a - b)
      .map((b) => this.#buckets.get(b) as SchedulerInstance[]);
  }
}

/** Four buckets a doubling. */
const bucketOf = (amount: number): number => (amount <= 0 ? 0 : 1 + Math.floor(4 * Math.log2(1 + amount)));
