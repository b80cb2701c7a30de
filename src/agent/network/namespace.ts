// Wires the network namespace of a pause container with the machine's own programs. Safe twice, so a task whose agent died at it
// is finished by the next one.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { messageOf } from "#lib/errors.ts";
import { createSerial } from "#network/serial.ts";
import { interfaceNamed } from "./kernel-interfaces.ts";
import {
  bridgeScript,
  endpointScript,
  freePlace,
  interfaceScript,
  moveScript,
  placeOf,
  trunkScript,
  portScript,
} from "./wiring.ts";

export interface TaskInterface {
  readonly macAddress: string;
  readonly privateIp: string;
}

export interface NamespaceWiring {
  /**
   * @param pid of the pause container's first process, as the machine counts
   * @throws Error when the interface is neither on the host nor in the namespace
   */
  wire(pid: number, task: TaskInterface): Promise<void>;
  /** The task's address on the host's bridge, by which it asks the endpoint; undefined while it has none. */
  endpointAddress(pid: number): Promise<string | undefined>;
}

interface Link {
  readonly ifname: string;
  readonly address?: string;
}

export function createNamespaceWiring({
  proc,
  blockMetadata,
  trunk,
}: {
  /** Where the machine's /proc is. */
  readonly proc: string;
  readonly blockMetadata: boolean;
  /** The interface on which tasks' interfaces are made; without it they are there already. */
  readonly trunk?: string;
}): NamespaceWiring {
  const serial = createSerial();
  const namespaceOf = (pid: number) => `${proc}/${pid}/ns/net`;
  const inside = (pid: number, script: string) =>
    run("nsenter", [`--net=${namespaceOf(pid)}`, "sh", "-ec", script]);
  const linksOf = async (pid: number) => JSON.parse(await inside(pid, "ip -j link show")) as readonly Link[];

  const connectEndpoint = (pid: number) =>
    serial.run("bridge", async () => {
      const known = placeOf((await addressOf(pid)) ?? "");
      if (known !== undefined) return void (await inside(pid, endpointScript(known)));
      // One that was cut short before it had its address: which place it has is not to be seen here.
      if ((await linksOf(pid)).some((l) => l.ifname === "ecs-eth0"))
        await inside(pid, "ip link del ecs-eth0");
      await run("sh", ["-ec", bridgeScript]);
      const place = freePlace(await readdir("/sys/class/net"));
      if (place === undefined) throw new Error("there is no place left on the host's bridge");
      await run("sh", ["-ec", portScript(place, namespaceOf(pid))]);
      await inside(pid, endpointScript(place));
    });

  const addressOf = async (pid: number): Promise<string | undefined> => {
    const found = JSON.parse(await inside(pid, "ip -4 -j addr show")) as readonly (Link & {
      readonly addr_info?: readonly { readonly local?: string }[];
    })[];
    return found.find((l) => l.ifname === "ecs-eth0")?.addr_info?.[0]?.local;
  };

  return {
    async wire(pid, { macAddress, privateIp }) {
      const moved = (await linksOf(pid)).some((l) => l.address === macAddress.toLowerCase());
      if (!moved && trunk !== undefined) {
        await run("sh", ["-ec", trunkScript(trunk, macAddress, namespaceOf(pid))]);
      } else if (!moved) {
        const link = await interfaceNamed(macAddress);
        if (link === undefined)
          throw new Error(`the interface with the MAC ${macAddress} is not on the host`);
        await run("sh", ["-ec", moveScript(link, namespaceOf(pid))]);
      }
      await inside(pid, interfaceScript(privateIp, blockMetadata));
      await connectEndpoint(pid);
    },
    endpointAddress: addressOf,
  };
}

const TIMEOUT_MS = 30_000;

function run(command: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: "C" };
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: TIMEOUT_MS, env }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(new Error(stderr.trim() || messageOf(error), { cause: error }));
    });
  });
}
