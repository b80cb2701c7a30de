// What the parts of the store's suite need of a backend under test.
import type { Backend } from "./backend.ts";

/** Rows that can be opened again after their backend was closed. */
export interface Fixture {
  open(): Backend;
  remove(): Promise<void>;
}
