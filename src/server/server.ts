// The server: state folder, store, platform, runtime and listeners, in the order in which each needs the former.
import { rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { systemClock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { systemRandom } from "#lib/random.ts";
import { JOIN_PATH, MACHINE_PATH, REMOVAL_PATH, TOKEN_PATH } from "#domain/join/answer.ts";
import { createStore } from "#store/create-store.ts";
import { createLmdbBackend } from "#store/lmdb-backend.ts";
import type { ServerConfig } from "./config.ts";
import { closeServer, createHttpServer, listen, reachableAddress, sendJson, type Routes } from "./http.ts";
import { createMachineRoutes, serverSigningKey } from "./join/machines.ts";
import { createRemovalRoute, createTokenRoute } from "./join/tokens.ts";
import { openEventBridge } from "./event-bridge.ts";
import { ensureInitialRows } from "./initial-rows.ts";
import { createSpotInterruption } from "./interrupt-spot.ts";
import { openPlatform } from "./open-platform.ts";
import type { Platform, PlatformParts } from "./platform.ts";
import { startRuntime, type Runtime } from "./runtime.ts";
import {
  lockFolder,
  rootCredentials,
  serverKeys,
  stateFolder,
  writePrivate,
  type RunFile,
} from "./state-folder.ts";
import { allTables } from "./tables.ts";
import { createUpgrades } from "./upgrades.ts";
import { wipe } from "./wipe.ts";

export interface RunningServer {
  readonly endpoint: string;
  /** Stops the control plane only. */
  close(): Promise<void>;
}

/**
 * `open` is what makes hosts and load balancers; tests wrap it to stand where a host stands.
 * @throws AlreadyRunning, BadConfiguration, or an Error that says what could not be started
 */
export async function startServer(
  config: ServerConfig,
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
  open: (parts: PlatformParts) => Promise<Platform> = openPlatform,
): Promise<RunningServer> {
  const folder = stateFolder(config.dataDirectory);
  const unlock = lockFolder(folder);
  const clock = systemClock;
  const random = systemRandom;
  const closers: (() => Promise<void> | void)[] = [unlock];
  const close = async () => {
    for (const step of closers.splice(0).reverse()) await step();
  };
  try {
    const root = rootCredentials(folder, environment);
    const keys = serverKeys(folder, environment);
    const rows = await createStore({ backend: createLmdbBackend(folder.rows), logger, tables: allTables });
    closers.push(() => rows.close());
    const { account } = config;
    const eventBridge = openEventBridge({
      store: rows,
      clock,
      random,
      logger,
      account,
      sealingKey: keys.session,
    });
    const { store } = eventBridge;
    await ensureInitialRows({ store, clock, random, config });

    let runtime: Runtime | undefined;
    const upgrades = createUpgrades({ runtime: () => runtime, logger });
    const reset = async (req: IncomingMessage, res: ServerResponse) => {
      const caller = await runtime?.gateway.authenticateUpgrade(req);
      if (caller === undefined) return sendJson(res, 503, { message: "The server is not ready." });
      if ("refusal" in caller)
        return sendJson(res, caller.refusal.statusCode, { message: caller.refusal.message });
      if (caller.principal.type !== "root")
        return sendJson(res, 403, { message: "Only the root principal may reset." });
      const before = runtime;
      runtime = undefined;
      await before?.close();
      try {
        await platform.removeEverything();
        await wipe(store);
      } finally {
        // Also over what a failure left: the server goes on, and may be asked again.
        await ensureInitialRows({ store, clock, random, config });
        await platform.start();
        runtime = await startRuntime(parts);
      }
      sendJson(res, 200, {});
    };
    const tokenParts = {
      runtime: () => runtime,
      store,
      clock,
      random,
      logger,
      config,
      serverPublicKey: serverSigningKey(keys.identity).publicKey,
    };
    const routes: Routes = {
      api: () => runtime && ((req, res) => (runtime as Runtime).gateway.handle(req, res)),
      upgrade: upgrades,
      reset: config.allowReset ? reset : undefined,
      interruptSpot: createSpotInterruption({ runtime: () => runtime, store, clock, config, logger }),
      machines: {
        [TOKEN_PATH]: createTokenRoute(tokenParts),
        [REMOVAL_PATH]: createRemovalRoute(tokenParts),
        [JOIN_PATH]: (req, res) => machineRoutes.join(req, res),
        [MACHINE_PATH]: (req, res) => machineRoutes.machine(req, res),
      },
      health: () => ({ status: runtime === undefined ? "starting" : "ok" }),
    };
    const http = createHttpServer(routes, (error) =>
      logger.error("A request could not be answered", { error }),
    );
    const port = await listen(http, config.host, config.port);
    closers.push(() => closeServer(http));
    const endpoint = `http://${reachableAddress(config.host)}:${port}`;
    if (config.joinAddress !== undefined) {
      const others = createHttpServer(routes, (error) =>
        logger.error("A request could not be answered", { error }),
      );
      await listen(others, config.joinAddress, port);
      closers.push(() => closeServer(others));
    }
    const machineRoutes = createMachineRoutes({
      store,
      clock,
      random,
      logger,
      config: { ...config, port },
      identityKey: keys.identity,
      issuer: () => runtime?.issuer,
      endpointFor: (vpcId) => platform.endpointFor(vpcId),
    });

    const platform = await open({
      config: { ...config, port },
      folder,
      store,
      clock,
      random,
      logger,
      routes,
      imds(req, res, source) {
        if (runtime === undefined) sendJson(res, 503, { message: "The server is not ready." });
        else runtime.imds.handle(req, res, source);
      },
    });
    closers.push(() => platform.close());
    await platform.start();
    const parts = {
      config,
      store,
      eventBridge,
      platform,
      keys,
      root,
      environment,
      clock,
      random,
      logger,
      logsFolder: folder.logs,
    };
    runtime = await startRuntime(parts);
    closers.push(async () => {
      const last = runtime;
      runtime = undefined;
      await last?.close();
    });
    const run: RunFile = {
      pid: process.pid,
      endpoint,
      ...(config.joinAddress === undefined ? {} : { joinEndpoint: `http://${config.joinAddress}:${port}` }),
      region: config.region,
      account: config.account,
      engine: config.engine,
    };
    writePrivate(folder.runFile, run);
    closers.push(() => rmSync(folder.runFile, { force: true }));
    logger.info("server started", { endpoint, engine: config.engine });
    return { endpoint, close };
  } catch (error) {
    await close();
    throw error;
  }
}
