// Where a server listens, and how it tells its own machine's programs to reach it.
import { expect, it } from "vitest";
import { startSimulatedServer } from "#tests/support/simulated-server.ts";

it("a server that listens on every address is reached by this machine's own programs on the loopback", async () => {
  const server = await startSimulatedServer({ host: "0.0.0.0" });
  try {
    expect(server.connection.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${server.connection.endpoint}/healthz`)).status).toBe(200);
  } finally {
    await server.close();
  }
});

it("a server with an address for other machines listens there too, and tells of it", async () => {
  const server = await startSimulatedServer({ joinAddress: "127.0.0.2" });
  try {
    const port = new URL(server.endpoint).port;
    expect(server.connection.joinEndpoint).toBe(`http://127.0.0.2:${port}`);
    expect((await fetch(`http://127.0.0.2:${port}/healthz`)).status).toBe(200);
  } finally {
    await server.close();
  }
});
