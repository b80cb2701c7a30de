// Simulated hosts: a host is a running agent in this process, started by a function that the composition root gives. Nothing of
// them outlives the process; after a restart the launches are asked for again.
import { messageOf } from "#lib/errors.ts";
import type { ComputeProvider, HostSpec } from "../port.ts";

/** A simulated host's agent. */
export interface SimulatedAgent {
  /** Ends the agent and forgets its containers. */
  close(): Promise<void>;
}

export interface SimProviderOptions {
  /** `hasInterface`: whether the host has been given an interface with this MAC. */
  readonly startAgent: (
    spec: HostSpec,
    print: (line: string) => void,
    hasInterface: (macAddress: string) => boolean,
  ) => Promise<SimulatedAgent>;
}

export interface SimProvider extends ComputeProvider {
  removeEverything(): Promise<void>;
}

/** Console lines kept of each host. */
const CONSOLE_LINES = 200;

export function createSimProvider({ startAgent }: SimProviderOptions): SimProvider {
  const hosts = new Map<string, Promise<SimulatedAgent>>();
  const consoles = new Map<string, string[]>();
  /** Instance id → interface id → its MAC. A simulated interface carries nothing. */
  const interfaces = new Map<string, Map<string, string>>();

  const printer = (instanceId: string) => (line: string) => {
    const lines = consoles.get(instanceId) ?? [];
    consoles.set(instanceId, lines);
    lines.push(line);
    if (lines.length > CONSOLE_LINES) lines.shift();
  };

  const provider: SimProvider = {
    async launch(spec) {
      const known = hosts.get(spec.instanceId);
      if (known !== undefined) return void (await known);
      const print = printer(spec.instanceId);
      print(
        `simulated host ${spec.instanceId}: ${spec.vcpus} vCPU, ${spec.memoryMiB} MiB, ${spec.privateIp}`,
      );
      const hasInterface = (mac: string) =>
        [...(interfaces.get(spec.instanceId)?.values() ?? [])].includes(mac);
      const starting = startAgent(spec, print, hasInterface);
      hosts.set(spec.instanceId, starting);
      try {
        await starting;
      } catch (error) {
        hosts.delete(spec.instanceId);
        print(`the agent could not be started: ${messageOf(error)}`);
        throw error;
      }
    },
    async terminate(instanceId) {
      const agent = hosts.get(instanceId);
      hosts.delete(instanceId);
      consoles.delete(instanceId);
      interfaces.delete(instanceId);
      // One that never started has nothing to close.
      await agent?.then(
        (running) => running.close(),
        () => undefined,
      );
    },
    async attachInterface({ instanceId, interfaceId, macAddress }) {
      if (!hosts.has(instanceId)) throw new Error(`There is no host ${instanceId}.`);
      const own = interfaces.get(instanceId) ?? new Map<string, string>();
      interfaces.set(instanceId, own.set(interfaceId, macAddress));
    },
    async detachInterface({ instanceId, interfaceId }) {
      interfaces.get(instanceId)?.delete(interfaceId);
    },
    list: async () => [...hosts.keys()],
    consoleOutput: async (instanceId) => (consoles.get(instanceId) ?? []).map((line) => `${line}\n`).join(""),
    async removeEverything() {
      for (const instanceId of [...hosts.keys()]) await provider.terminate(instanceId);
    },
  };
  return provider;
}
