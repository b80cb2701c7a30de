// What `estiba agent` does on the machine that joins: keeps who it is, asks the server what that means, and makes it so. All that it
// makes is supervised and outlives it, as on the server's own machine.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { availableParallelism, hostname, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNetnsProvider } from "#compute/netns/netns-provider.ts";
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import { signingKey } from "#lib/sealed-call.ts";
import { sealedPost } from "#lib/sealed-post.ts";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import { JOIN_PATH, MACHINE_PATH, type ExternalAnswer, type MachineFile } from "#domain/join/answer.ts";
import { createMachineNetwork, type MachineNetwork } from "#network/machine-network.ts";
import { taskEndpointScript, removeTaskEndpoint } from "#network/host-script.ts";
import { inRoot, runCommand } from "#network/run.ts";
import { shell } from "#network/script.ts";
import { IMDS_PORT, scopeOf } from "../machine.ts";
import { readJson, writePrivate, type StateFolder } from "../state-folder.ts";
import { createSupervisor } from "../supervisor.ts";
import type { Ec2Answer, MachineAnswer } from "./answer.ts";
import { readToken } from "./token-text.ts";

export interface JoinedMachine {
  /** With a token, unless this machine joined this server before. @throws CallRefused, BadSeal, BadToken */
  join(endpoint: string, token: string): Promise<MachineAnswer>;
  /** What this machine is now. @throws NotJoined */
  ask(): Promise<MachineAnswer>;
  /** Makes this machine what it was told to be. Safe twice. */
  become(answer: Exclude<MachineAnswer, { state: "gone" }>): Promise<void>;
  /** Takes everything back, and forgets. */
  leave(): Promise<void>;
}

export class NotJoined extends Error {
  override readonly name = "NotJoined";
}

export interface JoinedMachineOptions {
  readonly folder: StateFolder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The engine that an external machine's tasks run on. */
  readonly dockerHost: string;
}

const AGENT_SERVICE = "agent";
/** Exit code of an agent that must not be started again. */
const REFUSED = 5;
const MIB = 1024 * 1024;
const BUNDLE = fileURLToPath(new URL("agent.mjs", import.meta.url));

export function createJoinedMachine({
  folder,
  clock,
  logger,
  dockerHost,
}: JoinedMachineOptions): JoinedMachine {
  mkdirSync(folder.root, { recursive: true, mode: 0o711 });
  for (const own of [folder.services, folder.images]) mkdirSync(own, { recursive: true, mode: 0o700 });
  const file = join(realpathSync(folder.root), "machine.json");
  /** What was last told of a host here: needed to take it away without the server. */
  const hostFile = join(folder.root, "machine-host.json");
  const supervisor: Supervisor = createSupervisor(folder, clock, logger);

  const call = async (
    path: string,
    known: MachineFile,
    key: Uint8Array,
    payload: Record<string, unknown>,
  ) => {
    const { endpoint, serverPublicKey: server } = known;
    return (await sealedPost({
      endpoint,
      path,
      key: signingKey(key),
      server,
      payload,
      clock,
    })) as MachineAnswer;
  };
  const keyOf = (known: MachineFile) => Buffer.from(known.seed, "base64url");

  const parts = (answer: Pick<Ec2Answer, "vpcCidr" | "tunnel">) => {
    const { machineAddress: local, serverAddress: remote, port, vni } = answer.tunnel;
    const scope = scopeOf(folder);
    const network: MachineNetwork = createMachineNetwork({
      scope,
      vpcCidr: answer.vpcCidr,
      tunnel: { local, remote, port, vni },
      imdsPort: IMDS_PORT,
    });
    const compute = createNetnsProvider({
      directory: folder.hosts,
      imagesDirectory: folder.images,
      supervisor,
      network,
      agent: { node: process.execPath, bundle: BUNDLE },
      clock,
      logger,
      scope,
    });
    return { network, compute };
  };

  const becomeExternal = async ({ id, region, cluster }: ExternalAnswer) => {
    await inRoot(runCommand, shell(taskEndpointScript));
    const { endpoint } = readJson<MachineFile>(file) ?? never();
    await supervisor.ensure({
      name: AGENT_SERVICE,
      command: [process.execPath, BUNDLE],
      environment: {
        PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin",
        HOME: "/root",
        AWS_DEFAULT_REGION: region,
        DOCKER_HOST: dockerHost,
        ECS_BACKEND_HOST: endpoint,
        ECS_CLUSTER: cluster,
        ECS_DATADIR: join(folder.root, "agent"),
        ECS_EXTERNAL: "true",
        ESTIBA_ECS_CONFIG: join(folder.root, "ecs.config"),
        ESTIBA_IMAGES: folder.images,
        ESTIBA_INSTANCE_ID: id,
        ESTIBA_JOIN_FILE: file,
      },
      terminalExitCodes: [REFUSED],
      stopTimeoutSeconds: 5,
    });
  };

  const becomeInstance = async (answer: Ec2Answer) => {
    writePrivate(hostFile, { vpcCidr: answer.vpcCidr, tunnel: answer.tunnel });
    const { compute } = parts(answer);
    // Here it is a host of this machine, whose network happens to lead elsewhere.
    const { joined: _, ...host } = answer.host;
    await compute.launch(host);
  };

  return {
    async join(endpoint, token) {
      const { key, serverPublicKey } = readToken(token);
      const before = readJson<MachineFile>(file);
      if (before !== undefined && before.serverPublicKey !== serverPublicKey)
        throw new NotJoined("This machine has joined another server: `estiba agent --leave` first.");
      // Kept before it is told to anybody: an answer that is lost is asked for again with the same key.
      const known = before ?? { endpoint, serverPublicKey, seed: randomBytes(32).toString("base64url") };
      writePrivate(file, { ...known, endpoint });
      const payload = {
        publicKey: signingKey(keyOf(known)).publicKey,
        hostname: hostname(),
        vcpus: availableParallelism(),
        memoryMiB: Math.floor(totalmem() / MIB),
      };
      const answer = await sealedPost({
        endpoint,
        path: JOIN_PATH,
        key,
        server: serverPublicKey,
        payload,
        clock,
      }).catch((error: unknown) => {
        if (before === undefined) rmSync(file, { force: true });
        throw error;
      });
      return answer as MachineAnswer;
    },

    async ask() {
      const known = readJson<MachineFile>(file);
      if (known === undefined)
        throw new NotJoined("This machine has joined no server: --join and --token say where, once.");
      return call(MACHINE_PATH, known, keyOf(known), {});
    },

    become: (answer) => (answer.kind === "ec2" ? becomeInstance(answer) : becomeExternal(answer)),

    async leave() {
      const known = readJson<MachineFile>(file);
      if (known !== undefined)
        // A server that is gone need not hear it.
        await call(MACHINE_PATH, known, keyOf(known), { leaves: true }).catch((error: unknown) =>
          logger.warn("the server did not hear that this machine leaves", { reason: messageOf(error) }),
        );
      const host = readJson<Pick<Ec2Answer, "vpcCidr" | "tunnel">>(hostFile);
      if (host !== undefined) {
        const { compute, network } = parts(host);
        await compute.removeEverything();
        await network.removeShared();
        await compute.close();
      }
      if ((await supervisor.list()).includes(AGENT_SERVICE)) {
        await supervisor.remove(AGENT_SERVICE);
        await inRoot(runCommand, removeTaskEndpoint);
      }
      for (const gone of [file, hostFile, join(folder.root, "agent")])
        if (existsSync(gone)) rmSync(gone, { recursive: true, force: true });
    },
  };
}

function never(): never {
  throw new NotJoined("What this machine keeps of its joining is gone.");
}
