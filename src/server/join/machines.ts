// Machines join with a token and from then on call with a key of their own. Whoever calls is told, sealed, what it is. A machine's
// calls must come from the address that it signed: otherwise a recorded one could lead its network elsewhere.
import { createHmac } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "#lib/clock.ts";
import { messageOf, ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { BadSeal, readSealedRequest, sealAnswer, signingKey, type SealedRequest } from "#lib/sealed-call.ts";
import { hostSpecOf } from "#controllers/instance/decide.ts";
import { ec2Key, moveTunnel, terminateInstance, type InstanceRow } from "#domain/ec2/instance.ts";
import type { JoinTokenRow, MachineRow } from "#domain/join/records.ts";
import type { CredentialIssuer } from "#domain/ports/credential-issuer.ts";
import { launchInstances } from "#services/ec2/operations/run-instances.ts";
import { PUBLIC_IMAGE_ID } from "#services/ec2/image.ts";
import type { Store, Transaction } from "#store/store.ts";
import { instances, vpcs } from "#store/tables/ec2.ts";
import { joinTokens, machines } from "#store/tables/join.ts";
import type { ServerConfig } from "../config.ts";
import { readBody } from "#gateway/wire-request.ts";
import { sendJson } from "../http.ts";
import type { JoinCall, MachineAnswer, MachineCall } from "./answer.ts";
import { largestType } from "./largest-type.ts";

export interface MachineParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: Pick<ServerConfig, "account" | "defaultVpcCidr" | "port">;
  readonly identityKey: Buffer;
  /** Undefined until the server is ready. */
  readonly issuer: () => CredentialIssuer | undefined;
  readonly endpointFor: (vpcId: string) => string;
}

class Refused extends Error {}

/** The key by which machines know this server; made of the one that signs identity documents, so that it lives as long. */
export const serverSigningKey = (identityKey: Buffer) =>
  signingKey(createHmac("sha256", identityKey).update("estiba server to machines").digest());

export function createMachineRoutes(parts: MachineParts) {
  const { store, clock, random, logger, config } = parts;
  const key = serverSigningKey(parts.identityKey);
  /** The time of each machine's last call in this life of the server: an older one is a replay. */
  const calledAt = new Map<string, number>();

  const answering =
    (answer: (request: SealedRequest, payload: unknown) => Promise<MachineAnswer>) =>
    async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      try {
        const { request, payload } = readSealedRequest(await textOf(req), clock.now());
        checkAddresses(req, payload as MachineCall);
        sendJson(res, 200, sealAnswer(key, request, await answer(request, payload)));
      } catch (error) {
        const isRefusal =
          error instanceof Refused || error instanceof BadSeal || error instanceof ServiceError;
        if (!isRefusal) throw error;
        logger.warn("a machine was refused", { from: req.socket.remoteAddress, reason: messageOf(error) });
        sendJson(res, 403, { message: messageOf(error) });
      }
    };

  const join = async (request: SealedRequest, call: JoinCall): Promise<MachineAnswer> => {
    // The answer of a former try was lost: the token is spent, but the machine is known by the key that it kept.
    const known = store.get(machines, call.publicKey);
    if (known !== undefined) return tell(known, call);
    const token = store.get(joinTokens, request.key);
    if (token === undefined || token.expiresAt <= clock.now())
      throw new Refused("The token is not valid: it was used, it is over, or it is another server's.");
    checkJoin(call);
    const id = token.kind === "external" ? await joinExternal(token, call) : await joinInstance(token, call);
    logger.info("a machine has joined", { id, hostname: call.hostname, address: call.address });
    return tell(store.get(machines, call.publicKey) ?? gone(), call);
  };

  const machineOf = (token: JoinTokenRow, call: JoinCall, id: string): MachineRow => ({
    publicKey: call.publicKey,
    kind: token.kind,
    id,
    region: token.region,
    cluster: token.cluster,
    ...(token.roleArn === undefined ? {} : { roleArn: token.roleArn }),
    hostname: call.hostname,
    joinedAt: clock.now(),
  });

  /** In the transaction that makes the machine, so that of two that have the same token one gets in. */
  const spend = (tx: Transaction, token: JoinTokenRow, machine: MachineRow) => {
    if (tx.get(joinTokens, token.publicKey) === undefined) throw new Refused("The token was used just now.");
    tx.delete(joinTokens, token.publicKey);
    tx.put(machines, machine.publicKey, machine);
  };

  const joinExternal = (token: JoinTokenRow, call: JoinCall) =>
    store.transact((tx) => {
      const id = newEc2Id("mi", random);
      spend(tx, token, machineOf(token, call, id));
      return id;
    });

  const joinInstance = async (token: JoinTokenRow, call: JoinCall) => {
    const type = token.instanceType ?? largestType(call.vcpus, call.memoryMiB)?.name;
    if (type === undefined) throw new Refused("The machine is smaller than every instance type.");
    const cluster = `#!/bin/sh\necho ECS_CLUSTER=${token.cluster} >> /etc/ecs/ecs.config\n`;
    const [row] = await launchInstances(
      {
        ...parts,
        account: config.account,
        defaultVpcCidr: config.defaultVpcCidr,
        consoleOutput: async () => "",
      },
      token.region,
      {
        ImageId: PUBLIC_IMAGE_ID,
        InstanceType: type as NonNullable<Parameters<typeof launchInstances>[2]["InstanceType"]>,
        MinCount: 1,
        MaxCount: 1,
        UserData: Buffer.from(cluster).toString("base64"),
        ...(token.subnetId === undefined ? {} : { SubnetId: token.subnetId }),
        ...(token.securityGroupIds === undefined ? {} : { SecurityGroupIds: [...token.securityGroupIds] }),
        ...(token.instanceProfile === undefined
          ? {}
          : { IamInstanceProfile: { Name: token.instanceProfile } }),
      },
      {
        joined: { machineAddress: call.address, serverAddress: call.peer, vni: newVni() },
        alongside: (tx, rows) => spend(tx, token, machineOf(token, call, rows[0]?.id ?? "")),
      },
    );
    return row?.id ?? "";
  };

  const newVni = (): number => {
    const taken = new Set(Array.from(store.scan(instances), ([, row]) => row.joined?.vni));
    for (;;) {
      const vni = 1 + random.below(2 ** 24 - 2);
      if (!taken.has(vni)) return vni;
    }
  };

  const tell = async (machine: MachineRow, call: MachineCall): Promise<MachineAnswer> => {
    const { id, region, cluster, roleArn } = machine;
    if (machine.kind === "external") {
      const credentials = parts.issuer()?.forInstance({ roleArn: roleArn ?? "", instanceId: id });
      if (credentials === undefined) throw new Refused("The server is not ready yet.");
      return { state: "joined", kind: "external", id, region, cluster, credentials };
    }
    const row = await store.transact((tx) => {
      const before = tx.get(instances, ec2Key(region, id));
      const after = before === undefined ? undefined : moveTunnel(before, addressesOf(call));
      if (after !== undefined && after !== before) tx.put(instances, ec2Key(region, id), after);
      return after;
    });
    return tellInstance(machine, row);
  };

  const tellInstance = (machine: MachineRow, row: InstanceRow | undefined): MachineAnswer => {
    if (row?.joined === undefined || row.state === "shutting-down" || row.state === "terminated")
      return { state: "gone", reason: `The instance ${machine.id} was terminated.` };
    const userData = Buffer.from(row.userData ?? "", "base64").toString();
    const host = hostSpecOf(row, userData, parts.endpointFor(row.vpcId));
    const vpc = store.get(vpcs, ec2Key(row.region, row.vpcId));
    if (host === undefined || vpc === undefined) throw new Refused(`${machine.id} has no place any more.`);
    return {
      state: "joined",
      kind: "ec2",
      id: machine.id,
      cluster: machine.cluster,
      host,
      vpcCidr: vpc.cidrBlock,
      tunnel: { ...row.joined, port: config.port },
    };
  };

  return {
    join: answering((request, payload) => join(request, payload as JoinCall)),
    machine: answering(async (request, payload) => {
      const machine = store.get(machines, request.key);
      if (machine === undefined) return { state: "gone", reason: "The server knows this machine no longer." };
      if (request.time <= (calledAt.get(request.key) ?? 0)) throw new Refused("This call came before.");
      calledAt.set(request.key, request.time);
      const call = payload as MachineCall;
      if (call.leaves !== true) return tell(machine, call);
      await removeMachine(store, machine, clock.now());
      logger.info("a machine has left", { id: machine.id });
      return { state: "gone", reason: `${machine.id} has left.` };
    }),
  };
}

/** A call is a few hundred octets. */
const LONGEST_CALL = 16 * 1024;
const textOf = async (req: IncomingMessage) => Buffer.from(await readBody(req, LONGEST_CALL)).toString();

/** Its credentials are worth nothing from then on; an instance ends as if it were terminated. */
export const removeMachine = (store: Store, machine: MachineRow, now: number): Promise<void> =>
  store.transact((tx) => {
    tx.delete(machines, machine.publicKey);
    const key = ec2Key(machine.region, machine.id);
    const row = tx.get(instances, key);
    const reason = {
      code: "Client.InstanceInitiatedShutdown",
      message: "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
    };
    if (row !== undefined) tx.put(instances, key, terminateInstance(row, reason, now));
  });

const addressesOf = ({ address, peer }: MachineCall) => ({ machineAddress: address, serverAddress: peer });
const plain = (address: string | undefined): string => (address ?? "").replace(/^::ffff:/, "");

function checkAddresses({ socket }: IncomingMessage, call: MachineCall): void {
  const [seen, own] = [plain(socket.remoteAddress), plain(socket.localAddress)];
  if (call?.address === seen && call.peer === own) return;
  throw new Refused(
    `The call says that it comes from ${call?.address} to ${call?.peer}, and came from ${seen} to ${own}: machines join without address translation between.`,
  );
}

function checkJoin({ publicKey, hostname, vcpus, memoryMiB }: JoinCall): void {
  const isWhole = [vcpus, memoryMiB].every((n) => Number.isInteger(n) && n > 0);
  const isKey = typeof publicKey === "string" && /^[A-Za-z0-9_-]{43}$/.test(publicKey);
  if (!isKey || !isWhole || typeof hostname !== "string" || !/^[\x21-\x7e]{1,253}$/.test(hostname))
    throw new Refused("The machine does not say who it is and how large.");
}

function gone(): never {
  throw new Refused("The machine was removed while it joined.");
}
