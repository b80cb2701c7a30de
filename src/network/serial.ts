// Runs the works of one key one after another, of different keys side by side.

export type KeyedSerial = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export interface Serial {
  readonly run: KeyedSerial;
  /** Resolves when all work that was begun has ended. */
  idle(): Promise<void>;
}

export function createSerial(): Serial {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(key, work) {
      const before = tails.get(key) ?? Promise.resolve();
      const result = before.then(work);
      const tail = result
        .catch(() => undefined)
        .then(() => {
          if (tails.get(key) === tail) tails.delete(key);
        });
      tails.set(key, tail);
      return result;
    },
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
