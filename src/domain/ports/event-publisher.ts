// The port by which events reach the rules of a bus: whoever has an event gives it here, what no rule wants is forgotten at once.
import type { NewEvent } from "#domain/events/delivery.ts";

export interface EventPublisher {
  /**
   * Resolves with the ids of the events, in their order, when what rules want of them is stored; undefined for one that could not
   * be taken because too much waits for its targets already.
   */
  publish(events: readonly NewEvent[]): Promise<readonly (string | undefined)[]>;
}
