// A sorted set of strings (by UTF-16 code units) in chunks: insertion and deletion cost a binary search and a short
// copy, a walk in order costs one step a key and survives changes made while it walks.

const CHUNK = 256;

export class SortedKeys {
  #chunks: string[][] = [];
  #size = 0;
  /** Raised by every change, so that a walk under way finds its place again. */
  #version = 0;

  /** From keys in ascending order without duplicates. */
  static fromSorted(keys: readonly string[]): SortedKeys {
    const set = new SortedKeys();
    for (let i = 0; i < keys.length; i += CHUNK) set.#chunks.push(keys.slice(i, i + CHUNK));
    set.#size = keys.length;
    return set;
  }

  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    const c = Math.min(this.#chunkOf(key), this.#chunks.length - 1);
    const chunk = this.#chunks[c];
    if (chunk === undefined) {
      this.#chunks.push([key]);
    } else {
      const i = lowerBound(chunk, key);
      if (chunk[i] === key) return;
      chunk.splice(i, 0, key);
      if (chunk.length > 2 * CHUNK) this.#chunks.splice(c + 1, 0, chunk.splice(CHUNK));
    }
    this.#size += 1;
    this.#version += 1;
  }

  delete(key: string): void {
    const c = this.#chunkOf(key);
    const chunk = this.#chunks[c];
    if (chunk === undefined) return;
    const i = lowerBound(chunk, key);
    if (chunk[i] !== key) return;
    chunk.splice(i, 1);
    if (chunk.length === 0) this.#chunks.splice(c, 1);
    this.#size -= 1;
    this.#version += 1;
  }

  /** Keys not below `start`, in order. Keys added or removed ahead of the walk are seen as they are when it gets there. */
  *from(start: string): Generator<string, void, undefined> {
    let c = this.#chunkOf(start);
    let i = lowerBound(this.#chunks[c] ?? [], start);
    let version = this.#version;
    for (;;) {
      const chunk = this.#chunks[c];
      if (chunk === undefined) return;
      const key = chunk[i];
      if (key === undefined) {
        c += 1;
        i = 0;
        continue;
      }
      yield key;
      i += 1;
      if (version !== this.#version) {
        version = this.#version;
        const next = `${key}\0`;
        c = this.#chunkOf(next);
        i = lowerBound(this.#chunks[c] ?? [], next);
      }
    }
  }

  /** The first chunk whose last key is not below `key`; the number of chunks when there is none. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#chunks[middle]?.at(-1);
      if (last !== undefined && last < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
