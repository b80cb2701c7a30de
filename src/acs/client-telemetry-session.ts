// The agent's side of one TCS connection. Over a real connection every frame carries the headers of a signed request
// (signedFrames); between the ends of a simulated one it is the envelope alone.
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { decodeTelemetryFromServer, encodeEnvelope, encodeTelemetryFromAgent } from "./codec.ts";
import { connectionTimers } from "./connection-timers.ts";
import type { Duplex } from "./duplex.ts";
import type { TcsAgentMessages } from "./messages.ts";

export interface TelemetrySession {
  send<T extends keyof TcsAgentMessages>(type: T, message: TcsAgentMessages[T]): void;
  close(code?: number, reason?: string): void;
}

export function createTelemetrySession(options: {
  readonly duplex: Duplex;
  readonly clock: Clock;
  readonly random: Random;
  readonly badFrame: (reason: string) => void;
  readonly closed: (code: number, reason: string) => void;
}): TelemetrySession {
  const { duplex } = options;
  const timers = connectionTimers(options);
  duplex.onMessage((frame) => {
    const decoded = decodeTelemetryFromServer(frame);
    if (decoded instanceof Error) return options.badFrame(decoded.message);
    if ("unknown" in decoded) return options.badFrame(`unknown message ${decoded.unknown}`);
    // Acknowledgements and heartbeats alone keep the connection alive, and these are all there is.
    timers.heard();
  });
  duplex.onClose((code, reason) => {
    timers.cancel();
    options.closed(code, reason);
  });
  return {
    send: (type, message) => duplex.send(encodeEnvelope({ type, message })),
    close: (code, reason) => duplex.close(code, reason),
  };
}

/**
 * A connection whose frames are each signed on the way: `sign` answers the headers of a GET of the session's URL with this
 * payload. Frames stay in order; one that cannot be signed closes the connection.
 */
export function signedFrames(
  duplex: Duplex,
  sign: (payload: string) => Promise<Readonly<Record<string, string>>>,
): Duplex {
  let before: Promise<void> = Promise.resolve();
  return {
    send(payload) {
      before = before
        .then(async () => duplex.send(encodeTelemetryFromAgent(await sign(payload), payload)))
        .catch(() => duplex.close(1000, "A frame could not be signed"));
    },
    onMessage: (listener) => duplex.onMessage(listener),
    onClose: (listener) => duplex.onClose(listener),
    close: (code, reason) => duplex.close(code, reason),
  };
}
