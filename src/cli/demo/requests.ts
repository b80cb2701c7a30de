// Requests through the load balancer: a few by hand, and an open-loop load that does not slow down when answers do.
import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export function get(url: string, agent?: Agent, timeoutMs = 10_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { ...(agent === undefined ? {} : { agent }), timeout: timeoutMs },
      (incoming) => {
        let body = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (body += chunk));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
        incoming.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("timed out")));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

export interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  /** Up to ten. */
  readonly failures: readonly string[];
}

export interface Load {
  stop(): Promise<LoadResult>;
  sent(): number;
}

/** Sends `perSecond` requests a second, half of them over kept-alive connections, until stopped. */
export function startLoad(url: string, perSecond: number): Load {
  const keepAlive = new Agent({ keepAlive: true, maxSockets: 100 });
  const fresh = new Agent({ keepAlive: false });
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  let sent = 0;
  let failed = 0;
  const begun = performance.now();
  const one = async (agent: Agent) => {
    try {
      const { status } = await get(url, agent);
      if (status !== 200) throw new Error(`status ${status}`);
    } catch (error) {
      failed += 1;
      if (failures.length < 10) failures.push(error instanceof Error ? error.message : String(error));
    }
  };
  const ticker = setInterval(() => {
    const due = ((performance.now() - begun) / 1000) * perSecond;
    while (sent < due) {
      const running: Promise<void> = one(sent % 2 === 0 ? keepAlive : fresh).finally(() =>
        open.delete(running),
      );
      open.add(running);
      sent += 1;
    }
  }, 5);
  return {
    sent: () => sent,
    async stop() {
      clearInterval(ticker);
      await Promise.all(open);
      keepAlive.destroy();
      fresh.destroy();
      return { sent, failed, failures };
    },
  };
}
