// `estiba reset` when something cannot be removed: the caller is told, and the server goes on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { clientsFor, connect } from "#cli/connection.ts";
import { reset } from "#cli/commands/reset.ts";
import * as stack from "#cli/demo/stack.ts";
import { silentLogger } from "#lib/logger.ts";
import { readConfig } from "#server/config.ts";
import { openPlatform } from "#server/open-platform.ts";
import { startServer } from "#server/server.ts";

it("a reset that fails is told, leaves a server that answers, and succeeds when it is asked again", async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "estiba-reset-"));
  let isBroken = true;
  const config = readConfig(
    { dataDirectory, engine: "sim", port: 0, allowReset: true, logLevel: "silent" },
    {},
  );
  const server = await startServer(config, {}, silentLogger, async (parts) => {
    const platform = await openPlatform(parts);
    return {
      ...platform,
      async removeEverything() {
        await platform.removeEverything();
        if (isBroken) throw new Error("a mount is busy");
      },
    };
  });
  const connection = connect(dataDirectory);
  const clients = clientsFor(connection);
  const isThere = async () => (await stack.containerInstances(clients).catch(() => undefined)) !== undefined;
  try {
    await stack.createCluster(clients);
    await expect(reset(connection, () => {})).rejects.toThrow(/^The server refused: 500/);
    expect(await isThere()).toBe(true);
    isBroken = false;
    await reset(connection, () => {});
    expect(await isThere()).toBe(false);
  } finally {
    clients.close();
    await server.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
