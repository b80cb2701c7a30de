// What the log store keeps: an event, and the position that orders events and names each of them for good.

/** Where an event stands in its group: by time, and among events of one time by the order in which they were taken. */
export interface Position {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** Counts every event that the store ever took. */
  readonly sequence: number;
}

export interface StoredEvent extends Position {
  /** Epoch milliseconds. */
  readonly ingestionTime: number;
  readonly message: string;
}

/** An event as it is handed in. */
export interface NewEvent {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
}

export const comparePositions = (a: Position, b: Position): number =>
  a.timestamp - b.timestamp || a.sequence - b.sequence;

/** What an event costs besides its message, in AWS's account of a batch and in ours of memory. */
export const EVENT_OVERHEAD = 26;
