// A running HAProxy with its driver and small HTTP targets, for the tests of this folder and the bench.
import { createServer, type IncomingMessage, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { createDirectSupervisor } from "#tests/support/direct-supervisor.ts";
import type { ProxyTarget } from "../port.ts";
import { testTarget } from "../test-structure.ts";
import { createHaproxyDriver } from "./driver.ts";

export interface TestTarget {
  readonly target: ProxyTarget;
  readonly server: Server;
  status: number;
  /** Requests that were not health checks. */
  requests: IncomingMessage[];
  checks: number;
  /** Milliseconds before an answer to what is not a health check. */
  delayMs: number;
}

export async function createTestProxy() {
  const directory = await mkdtemp(join(tmpdir(), "lb-"));
  const supervisor = createDirectSupervisor();
  const servers: Server[] = [];
  const newDriver = () =>
    createHaproxyDriver({
      directory: join(directory, "p"),
      supervisor,
      name: "haproxy-test",
      clock: systemClock,
      logger: silentLogger,
    });
  return {
    directory: join(directory, "p"),
    supervisor,
    newDriver,
    /** A free port of an address, as good as one can be known. */
    async freePort(address: string): Promise<number> {
      const probe = createServer().listen(0, address);
      await new Promise((resolve) => probe.once("listening", resolve));
      const { port } = probe.address() as AddressInfo;
      await new Promise((resolve) => probe.close(resolve));
      return port;
    },
    async newTarget(key: string, status = 200, port = 0): Promise<TestTarget> {
      const server = createServer((incoming, answer) => {
        const check = incoming.url === "/health";
        if (check) made.checks += 1;
        else made.requests.push(incoming);
        setTimeout(
          () => {
            answer.statusCode = made.status;
            answer.setHeader("target", key);
            answer.end(key);
          },
          check ? 0 : made.delayMs,
        );
      });
      server.keepAliveTimeout = 0;
      server.listen(port, "127.0.0.9");
      await new Promise((resolve) => server.once("listening", resolve));
      servers.push(server);
      const target = testTarget(key, "127.0.0.9", (server.address() as AddressInfo).port);
      const made: TestTarget = { server, status, requests: [], checks: 0, delayMs: 0, target };
      return made;
    },
    async dispose() {
      await supervisor.close();
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}
