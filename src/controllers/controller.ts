// What every controller is to the server that composes it.

export interface Controller {
  /** Finishes what a dead process left half done and follows the rows from then on. Resolves when it follows them. */
  start(): Promise<void>;
  /** No decision begins after this; resolves when those under way are done. */
  close(): Promise<void>;
}
