// What expires when: a binary heap by time. Entries are not taken back; who pops one asks the row whether it still holds.

export interface Expiry {
  readonly at: number;
  readonly kind: string;
  readonly key: string;
}

export class ExpiryHeap {
  readonly #entries: Expiry[] = [];

  get next(): Expiry | undefined {
    return this.#entries[0];
  }

  push(entry: Expiry): void {
    const heap = this.#entries;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as Expiry).at <= entry.at) break;
      heap[i] = heap[parent] as Expiry;
      i = parent;
    }
    heap[i] = entry;
  }

  pop(): Expiry | undefined {
    const heap = this.#entries;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Expiry).at < (heap[child] as Expiry).at) child += 1;
      if ((heap[child] as Expiry).at >= last.at) break;
      heap[i] = heap[child] as Expiry;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}
