// One thing at a time for each name: a launch and an end of the same host never overlap.

export interface Turns {
  /** Runs `act` after everything asked for earlier under this name, whatever its end. */
  inTurn<T>(name: string, act: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    inTurn(name, act) {
      const before = last.get(name) ?? Promise.resolve();
      const own = before.then(act, act);
      const settled = own.then(
        () => undefined,
        () => undefined,
      );
      last.set(name, settled);
      void settled.then(() => {
        if (last.get(name) === settled) last.delete(name);
      });
      return own;
    },
    async idle() {
      await Promise.all(last.values());
    },
  };
}
