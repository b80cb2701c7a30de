// How the command line finds a running server and talks to it: the run file and root's credentials of the data folder.
import { EC2Client } from "@aws-sdk/client-ec2";
import { ECSClient } from "@aws-sdk/client-ecs";
import { ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import {
  readJson,
  startTimeOf,
  stateFolder,
  type RootCredentials,
  type RunFile,
} from "#server/state-folder.ts";

export interface Connection extends RunFile {
  readonly credentials: RootCredentials;
}

export class NotRunning extends Error {
  override readonly name = "NotRunning";
}

/** The server of this data folder. @throws NotRunning */
export function connect(dataDirectory: string): Connection {
  const folder = stateFolder(dataDirectory);
  const run = readRunFile(dataDirectory);
  const credentials = readJson<RootCredentials>(folder.rootCredentialsFile);
  if (run === undefined || credentials === undefined) {
    throw new NotRunning(
      `No server is running with the data folder ${dataDirectory}. Start one: estiba up -d`,
    );
  }
  return { ...run, credentials };
}

/** The run file of a server that lives; undefined when there is none. */
export function readRunFile(dataDirectory: string): RunFile | undefined {
  const run = readJson<RunFile>(stateFolder(dataDirectory).runFile);
  return run !== undefined && startTimeOf(run.pid) !== undefined ? run : undefined;
}

export interface Clients {
  readonly ecs: ECSClient;
  readonly ec2: EC2Client;
  readonly elbv2: ElasticLoadBalancingV2Client;
  close(): void;
}

/** The official SDK's clients, pointed at the server. */
export function clientsFor(connection: Connection): Clients {
  const configuration = {
    endpoint: connection.endpoint,
    region: connection.region,
    credentials: connection.credentials,
    maxAttempts: 3,
  };
  const ecs = new ECSClient(configuration);
  const ec2 = new EC2Client(configuration);
  const elbv2 = new ElasticLoadBalancingV2Client(configuration);
  return {
    ecs,
    ec2,
    elbv2,
    close() {
      ecs.destroy();
      ec2.destroy();
      elbv2.destroy();
    },
  };
}
