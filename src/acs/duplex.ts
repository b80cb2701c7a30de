// A connection as both sides of the protocol see it: text frames each way. A websocket in production, a pair of memory ends in
// simulation.

export interface Duplex {
  /** Sends one frame; after the close it does nothing. */
  send(frame: string): void;
  /** Called once for each frame, in order. Set once; frames that came earlier are kept for it. */
  onMessage(listener: (frame: string) => void): void;
  /** Called once, whoever closed it, also when it was closed before. Set once. */
  onClose(listener: (code: number, reason: string) => void): void;
  close(code?: number, reason?: string): void;
}

/** What a connection hands to listeners that may be set after the first frame came, or after the close. */
export class Inbox {
  #waiting: string[] = [];
  #closed: readonly [number, string] | undefined;
  #message: ((frame: string) => void) | undefined;
  #close: ((code: number, reason: string) => void) | undefined;

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  frame(frame: string): void {
    if (this.#message === undefined) this.#waiting.push(frame);
    else this.#message(frame);
  }

  end(code: number, reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = [code, reason];
    this.#close?.(code, reason);
  }

  onMessage(listener: (frame: string) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#message = listener;
    for (const frame of waiting) listener(frame);
  }

  onClose(listener: (code: number, reason: string) => void): void {
    this.#close = listener;
    if (this.#closed !== undefined) listener(...this.#closed);
  }
}

/** Two ends joined in memory. Frames arrive in order, each in a microtask of its own, never inside `send`. */
export function memoryDuplexPair(): readonly [Duplex, Duplex] {
  const inboxes = [new Inbox(), new Inbox()] as const;
  return [memoryEnd(inboxes[0], inboxes[1]), memoryEnd(inboxes[1], inboxes[0])];
}

function memoryEnd(own: Inbox, peer: Inbox): Duplex {
  return {
    send(frame) {
      if (own.closed) return;
      queueMicrotask(() => {
        if (!peer.closed) peer.frame(frame);
      });
    },
    onMessage: (listener) => own.onMessage(listener),
    onClose: (listener) => own.onClose(listener),
    close(code = 1000, reason = "") {
      own.end(code, reason);
      queueMicrotask(() => peer.end(code, reason));
    },
  };
}
