// A simulated host's agent: the real agent over a simulated engine, speaking to the endpoint and the metadata service as any other.
// Its state is kept, its containers are not: after a restart of the server they are reported as vanished.
import { join } from "node:path";
import { createAgent } from "#agent/agent.ts";
import { readAgentConfig } from "#agent/config.ts";
import { createSimEngine } from "#agent/engine/sim/sim-engine.ts";
import { createHttpControlPlane } from "#agent/http-control-plane.ts";
import { createImdsClient } from "#agent/imds-client.ts";
import { createSecretCalls } from "#agent/secrets/service-call.ts";
import { createStateFolder } from "#agent/state-file.ts";
import type { StateStore } from "#agent/state-store.ts";
import type { HostSpec } from "#compute/port.ts";
import type { SimulatedAgent } from "#compute/sim/sim-provider.ts";
import { readSimulatedUserData } from "#compute/sim/user-data.ts";
import { messageOf } from "#lib/errors.ts";
import type { PlatformParts } from "./platform.ts";

const USER_AGENT = "Estiba agent (simulated)";
const MIB = 1024 * 1024;

export async function startSimulatedAgent(
  { folder, clock, random, logger }: PlatformParts,
  spec: HostSpec,
  imdsEndpoint: string,
  print: (line: string) => void,
  hasInterface: (macAddress: string) => boolean,
): Promise<SimulatedAgent> {
  const { agentConfiguration, notRun } = readSimulatedUserData(spec.userData);
  for (const line of notRun) print(`not run on a simulated host: ${line}`);
  const config = readAgentConfig(
    {
      AWS_DEFAULT_REGION: spec.region,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: imdsEndpoint,
      ECS_BACKEND_HOST: spec.endpoint,
      ESTIBA_VCPUS: String(spec.vcpus),
      ESTIBA_MEMORY_MIB: String(spec.memoryMiB),
    },
    agentConfiguration,
  );
  const imds = createImdsClient(imdsEndpoint, clock);
  const { state, settled } = settling(createStateFolder(join(folder.hosts, spec.instanceId), logger));
  const agent = createAgent({
    config,
    controlPlane: createHttpControlPlane({
      endpoint: config.endpoint,
      region: config.region,
      credentials: () => imds.credentials(),
      clock,
      userAgent: USER_AGENT,
    }),
    callAsRole: createSecretCalls({ endpoint: config.endpoint, clock, random, userAgent: USER_AGENT }),
    // A simulated container writes nothing: no log driver ever asks for credentials.
    abilities: { servesCredentials: false, limitsTasks: false, logsByExecutionRole: true },
    engine: createSimEngine({ clock, random, cpus: spec.vcpus, memoryBytes: spec.memoryMiB * MIB }),
    state,
    clock,
    random,
    logger: logger.with({ instanceId: spec.instanceId }),
    identity: () => imds.identity(),
    spotAction: () => imds.spotAction(),
    interfaces: { has: async (macAddress) => hasInterface(macAddress) },
    // Nothing really listens on a simulated host's ports.
    isPortFree: async () => true,
  });
  await agent.start();
  agent.registered.then(
    (arn) => print(`registered as ${arn}`),
    (error: unknown) => print(`not registered: ${messageOf(error)}`),
  );
  return {
    async close() {
      agent.close();
      // A real agent's writes end with its process. Here the folder goes next, and must not go under them.
      await settled();
    },
  };
}

/** The store until it is settled: what is under way is written, what comes later is not, as with a process that has ended. */
function settling(store: StateStore): { readonly state: StateStore; readonly settled: () => Promise<void> } {
  const writes = new Set<Promise<void>>();
  let hasEnded = false;
  const tracked = async (begin: () => Promise<void>): Promise<void> => {
    if (hasEnded) return;
    const write = begin();
    writes.add(write);
    void write.then(
      () => writes.delete(write),
      () => writes.delete(write),
    );
    return write;
  };
  return {
    state: {
      load: () => store.load(),
      saveInstance: (record) => tracked(() => store.saveInstance(record)),
      saveTask: (task) => tracked(() => store.saveTask(task)),
      removeTask: (taskArn) => tracked(() => store.removeTask(taskArn)),
      clear: () => tracked(() => store.clear()),
    },
    async settled() {
      hasEnded = true;
      while (writes.size > 0) await Promise.allSettled(writes);
    },
  };
}
