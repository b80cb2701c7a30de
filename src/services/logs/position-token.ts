// Positions as the texts that callers hold: event ids, and the tokens of GetLogEvents and FilterLogEvents.
import type { Position } from "#logstore/event.ts";

const TIME_DIGITS = 20;
const SEQUENCE_DIGITS = 36;

/** 56 digits, as AWS's event ids have; sorted as texts they are sorted as events. */
export const eventId = ({ timestamp, sequence }: Position): string =>
  `${String(timestamp).padStart(TIME_DIGITS, "0")}${String(sequence).padStart(SEQUENCE_DIGITS, "0")}`;

export function positionOf(id: string): Position | undefined {
  if (!/^\d{56}$/.test(id)) return undefined;
  const position = { timestamp: Number(id.slice(0, TIME_DIGITS)), sequence: Number(id.slice(TIME_DIGITS)) };
  return Number.isSafeInteger(position.timestamp) && Number.isSafeInteger(position.sequence)
    ? position
    : undefined;
}

/** Where a reader of a stream stands: it has seen all up to the position, or all from it on. */
export interface StreamCursor {
  readonly direction: "forward" | "backward";
  readonly beyond: Position;
}

/** `f/…/s` and `b/…/s`. */
export const cursorToken = ({ direction, beyond }: StreamCursor): string =>
  `${direction === "forward" ? "f" : "b"}/${eventId(beyond)}/s`;

export function readCursor(token: string): StreamCursor | undefined {
  const [, letter, id = ""] = /^([fb])\/(\d{56})\/s$/.exec(token) ?? [];
  const beyond = positionOf(id);
  if (beyond === undefined) return undefined;
  return { direction: letter === "f" ? "forward" : "backward", beyond };
}
