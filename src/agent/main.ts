// The agent as a program: configuration from its environment, the Docker Engine, the control plane over the network. Its exit
// codes are the stock agent's: 0 stopped, 1 may be started again, 5 must not be.
import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { systemClock as clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { systemRandom as random } from "#lib/random.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { createAgent } from "./agent.ts";
import { BadAgentConfig, DEFAULT_CONFIG_FILE, readAgentConfig, type AgentConfig } from "./config.ts";
import { createCredentialStore } from "./credentials.ts";
import { startCredentialsServer } from "./credentials-server.ts";
import { DockerEngine } from "./engine/docker/docker-engine.ts";
import { cgroupHook } from "./hooks/cgroup.ts";
import { taskCgroup } from "./hooks/cgroup-plan.ts";
import { createNetworkHook } from "./hooks/network.ts";
import { readHostFacts } from "./host-facts.ts";
import { createHttpControlPlane } from "./http-control-plane.ts";
import { createImdsClient } from "./imds-client.ts";
import { startIntrospection } from "./introspection.ts";
import { createJsonLogger } from "./json-logger.ts";
import { createJoinedCredentials } from "./joined-credentials.ts";
import { createKernelInterfaces } from "./network/kernel-interfaces.ts";
import { createNamespaceWiring } from "./network/namespace.ts";
import { isPortFree } from "./port-probe.ts";
import { AgentExit } from "./register.ts";
import { createSecretCalls } from "./secrets/service-call.ts";
import { createStateFolder } from "./state-file.ts";
import { createProtectionEndpoint } from "./task-protection.ts";
import { AGENT_VERSION, USER_AGENT } from "./version.ts";

const environment = process.env;
/** The stock agent's: the task that asks waits 5 seconds. */
const PROTECTION_TIMEOUT_MS = 4_000;

/** Credentials of the environment, for a host that is no EC2 instance; its metadata service's otherwise. */
function staticCredentials(): SigningCredentials | undefined {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: environment["AWS_SESSION_TOKEN"] };
}

async function readConfig(): Promise<AgentConfig> {
  const path = environment["ESTIBA_ECS_CONFIG"] ?? DEFAULT_CONFIG_FILE;
  const file = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return readAgentConfig(environment, file);
}

function socketOf(dockerHost: string): string {
  const found = /^unix:\/\/(\/.+)$/.exec(dockerHost);
  if (found?.[1] === undefined)
    throw new BadAgentConfig(
      `DOCKER_HOST is ${dockerHost}; expected a socket as in unix:///var/run/docker.sock.`,
    );
  return found[1];
}

async function main(): Promise<void> {
  const config = await readConfig();
  const logger = createJsonLogger(config.logLevel, clock, (line) => void writeSync(2, line));
  const imds = createImdsClient(config.imdsEndpoint, clock);
  const fixed = staticCredentials();
  // No instance: no metadata service of ours, no interfaces for tasks.
  const isInstance = fixed === undefined && !config.external;
  const credentialsOfHost = (): (() => Promise<SigningCredentials>) => {
    if (fixed !== undefined) return () => Promise.resolve(fixed);
    return config.joinFile === undefined
      ? () => imds.credentials()
      : createJoinedCredentials(config.joinFile, clock);
  };
  const controlPlane = createHttpControlPlane({
    endpoint: config.endpoint,
    region: config.region,
    credentials: credentialsOfHost(),
    clock,
    userAgent: USER_AGENT,
  });
  const engine = new DockerEngine({
    socketPath: socketOf(config.dockerHost),
    clock,
    logger,
    ...(config.imagesFolder === undefined ? {} : { imagesFolder: config.imagesFolder }),
  });
  const credentials = createCredentialStore();
  const { cgroupParent, machineProc, blocksMetadata, trunk } = config;
  const network =
    machineProc === undefined || !isInstance
      ? undefined
      : createNetworkHook({
          engine,
          wiring: createNamespaceWiring({
            proc: machineProc,
            blockMetadata: blocksMetadata,
            ...(trunk === undefined ? {} : { trunk }),
          }),
          cluster: config.cluster,
          ...(cgroupParent === undefined
            ? {}
            : { cgroupOf: (taskId: string) => taskCgroup(cgroupParent, taskId) }),
        });
  const agent = createAgent({
    config,
    controlPlane,
    engine,
    credentials,
    clock,
    random,
    logger,
    state: createStateFolder(config.dataDirectory, logger),
    identity: async () => (isInstance ? imds.identity() : undefined),
    ...(isInstance ? { spotAction: () => imds.spotAction(), hostFacts: () => readHostFacts(imds) } : {}),
    abilities: {
      servesCredentials: true,
      limitsTasks: config.cgroupParent !== undefined,
      logsByExecutionRole: true,
    },
    callAsRole: createSecretCalls({ endpoint: config.endpoint, clock, random, userAgent: USER_AGENT }),
    hooks: [
      ...(cgroupParent === undefined ? [] : [cgroupHook({ parent: cgroupParent, clock })]),
      ...(network === undefined ? [] : [network]),
    ],
    ...(network === undefined
      ? {}
      : {
          interfaces: createKernelInterfaces(trunk),
          endpointAddressOf: (task) => network.endpointAddress(task),
        }),
    isPortFree,
    version: AGENT_VERSION,
  });
  const server = await startCredentialsServer({
    credentials: { get: (id) => credentials.get(id), expects: (id) => agent.expects(id) },
    metadata: agent.metadata,
    protection: createProtectionEndpoint({
      find: (metadataId) => agent.taskOf(metadataId),
      cluster: config.cluster,
      callAs: ({ accessKeyId, secretAccessKey, sessionToken }) => {
        const asTask = createHttpControlPlane({
          endpoint: config.endpoint,
          region: config.region,
          credentials: async () => ({ accessKeyId, secretAccessKey, sessionToken }),
          clock,
          userAgent: USER_AGENT,
          callTimeoutMs: PROTECTION_TIMEOUT_MS,
        });
        return (operation, input) => asTask.call(operation, input);
      },
    }),
    clock,
    logger,
    rate: config.metadataRate,
  });
  const introspection = await startIntrospection({
    metadata: agent.metadata,
    cluster: config.cluster,
    containerInstanceArn: () => agent.containerInstanceArn(),
    version: USER_AGENT,
    logger,
  });
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  try {
    await agent.start();
    await Promise.race([stopped, agent.registered.then(() => stopped)]);
    logger.info("The agent ends; containers run on");
  } finally {
    agent.close();
    await server.close();
    await introspection.close();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const terminal = error instanceof BadAgentConfig || (error instanceof AgentExit && error.exitCode === 5);
    writeSync(2, `${JSON.stringify({ level: 50, msg: messageOf(error), exitCode: terminal ? 5 : 1 })}\n`);
    process.exit(terminal ? 5 : 1);
  },
);
