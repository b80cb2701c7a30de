// An open-loop load generator: requests leave at a fixed rate whatever the answers do; every failure is kept.
import { Agent, request } from "node:http";

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly requestsPerSecond: number;
  readonly keepAlive: boolean;
  /** Connections at most; with keep-alive they are used again. */
  readonly connections?: number;
}

export interface LoadResult {
  readonly sent: number;
  readonly answered: number;
  /** Status → count. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Transport failures and answers of 500 and above, in the order seen. */
  readonly failures: readonly string[];
}

export interface RunningLoad {
  /** Requests sent so far. */
  sent(): number;
  /** Stops sending, waits for the answers outstanding. */
  stop(): Promise<LoadResult>;
}

const tickMs = 10;

export function startLoad(options: LoadOptions): RunningLoad {
  const agent = new Agent({
    keepAlive: options.keepAlive,
    maxSockets: options.connections ?? 100,
    scheduling: "fifo",
  });
  const statuses = new Map<number, number>();
  const failures: string[] = [];
  const outstanding = new Set<Promise<void>>();
  let sent = 0;
  let answered = 0;

  const send = (retried: boolean): Promise<void> =>
    new Promise((resolve) => {
      const call = request(
        { host: options.host, port: options.port, path: options.path ?? "/", agent, timeout: 20_000 },
        (response) => {
          response.resume();
          response.on("end", () => {
            answered += 1;
            const status = response.statusCode ?? 0;
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            if (status >= 500) failures.push(`HTTP ${status}`);
            resolve();
          });
          response.on("error", (error) => resolve(void failures.push(error.message)));
        },
      );
      call.on("timeout", () => call.destroy(new Error("timeout")));
      call.on("error", (error: NodeJS.ErrnoException) => {
        // A reused connection that the server closed while idle: every HTTP client sends again (RFC 9112, 9.3.1).
        if (call.reusedSocket && !retried && (error.code === "ECONNRESET" || error.code === "EPIPE"))
          return void send(true).then(resolve);
        failures.push(error.message);
        resolve();
      });
      call.end();
    });

  const begun = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begun) / 1000) * options.requestsPerSecond);
    while (sent < due) {
      sent += 1;
      const one = send(false);
      outstanding.add(one);
      void one.then(() => outstanding.delete(one));
    }
  }, tickMs);

  return {
    sent: () => sent,
    async stop() {
      clearInterval(timer);
      await Promise.all(outstanding);
      agent.destroy();
      return { sent, answered, statuses, failures };
    },
  };
}
