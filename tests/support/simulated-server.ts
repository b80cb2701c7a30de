// A whole server with simulated hosts, in this process, of a test's own: started as `estiba up --engine sim` starts it. A test
// may stand where a host stands: at the metadata service, with the credentials that it hands out.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientsFor, connect, type Clients, type Connection } from "#cli/connection.ts";
import { createImdsClient, type IdentityDocument } from "#agent/imds-client.ts";
import { systemClock } from "#lib/clock.ts";
import type { LogFields, Logger, LogLevel } from "#lib/logger.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { readConfig, type ConfigFlags } from "#server/config.ts";
import { openPlatform } from "#server/open-platform.ts";
import type { PlatformParts } from "#server/platform.ts";
import { startServer } from "#server/server.ts";
import type { Store } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";

export interface LogLine {
  readonly level: Exclude<LogLevel, "silent">;
  readonly message: string;
  readonly fields: LogFields;
}

export interface SimulatedServer {
  readonly endpoint: string;
  readonly dataDirectory: string;
  readonly connection: Connection;
  /** Signed by root. */
  readonly clients: Clients;
  /** What the server stores: to look, not to write. */
  readonly store: Store;
  /** Every line that the server logged, of whatever level. */
  readonly log: readonly LogLine[];
  /** The metadata service as this instance reaches it. */
  metadataOf(instanceId: string): Promise<string>;
  /** What the instance's own agent would read there. */
  credentialsOf(instanceId: string): Promise<SigningCredentials>;
  identityOf(instanceId: string): Promise<IdentityDocument>;
  /** `keep`: the data folder stays, for another server to start over. */
  close(options?: { readonly keep?: boolean }): Promise<void>;
}

export async function startSimulatedServer(
  flags: ConfigFlags = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<SimulatedServer> {
  const dataDirectory =
    typeof flags.dataDirectory === "string"
      ? flags.dataDirectory
      : mkdtempSync(join(tmpdir(), "estiba-sim-"));
  const config = readConfig(
    { dataDirectory, engine: "sim", port: 0, steadyAfterMs: 200, logLevel: "silent", ...flags },
    {},
  );
  const log: LogLine[] = [];
  let parts: PlatformParts | undefined;
  const server = await startServer(config, environment, recordingLogger(log), (given) => {
    parts = given;
    return openPlatform(given);
  });
  const { store, imds } = parts as unknown as PlatformParts;
  const connection = connect(dataDirectory);
  const clients = clientsFor(connection);
  const metadata = new Map<string, { readonly base: string; close(): void }>();

  const metadataOf = async (instanceId: string): Promise<string> => {
    const known = metadata.get(instanceId);
    if (known !== undefined) return known.base;
    const row = store.find(instances, "id", instanceId)[0]?.[1];
    if (row === undefined) throw new Error(`There is no instance ${instanceId}.`);
    const listener = createServer((req, res) => imds(req, res, { vpcId: row.vpcId, address: row.privateIp }));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    metadata.set(instanceId, {
      base,
      close() {
        listener.close();
        listener.closeAllConnections();
      },
    });
    return base;
  };
  const imdsClient = async (instanceId: string) =>
    createImdsClient(await metadataOf(instanceId), systemClock);

  return {
    endpoint: server.endpoint,
    dataDirectory,
    connection,
    clients,
    store,
    log,
    metadataOf,
    credentialsOf: async (id) => (await imdsClient(id)).credentials(),
    identityOf: async (id) => (await imdsClient(id)).identity(),
    async close({ keep = false } = {}) {
      clients.close();
      for (const listener of metadata.values()) listener.close();
      await server.close();
      if (!keep) rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

function recordingLogger(log: LogLine[], common: LogFields = {}): Logger {
  const at = (level: LogLine["level"]) => (message: string, fields?: LogFields) =>
    void log.push({ level, message, fields: { ...common, ...fields } });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => recordingLogger(log, { ...common, ...fields }),
  };
}
