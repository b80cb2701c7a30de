// Makes the tokens by which other machines join: for root only, shown once, used once, short-lived. What is stored of one is the
// public half of its key.
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { formatArn } from "#lib/arn.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { signingKey } from "#lib/sealed-call.ts";
import { instanceType } from "#domain/ec2/instance-types.ts";
import { newRole } from "#domain/iam/records.ts";
import { isManagedInstance, type JoinTokenRow } from "#domain/join/records.ts";
import { serviceMayAssume } from "#iam/assume.ts";
import type { Store, Transaction } from "#store/store.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import { joinTokens, machines } from "#store/tables/join.ts";
import type { ServerConfig } from "../config.ts";
import { sendJson } from "../http.ts";
import type { Runtime } from "../runtime.ts";
import { removeMachine } from "./machines.ts";
import { writeToken } from "./token-text.ts";

export interface TokenParts {
  readonly runtime: () => Runtime | undefined;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: Pick<ServerConfig, "account" | "region" | "engine">;
  /** By which machines know this server. */
  readonly serverPublicKey: string;
}

const DEFAULT_LIFE_SECONDS = 3600;
const LONGEST_LIFE_SECONDS = 24 * 3600;
const DEFAULT_PROFILE = "ecsInstanceRole";
/** ECS Developer Guide, "Amazon ECS Anywhere IAM role". */
const ANYWHERE_ROLE = "ecsAnywhereRole";
const ANYWHERE_POLICIES = [
  "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
  "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
];
const ANYWHERE_TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ssm.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

class Refused extends Error {}

/** Parameters come in the query, which the caller's signature covers. */
export function createTokenRoute(parts: TokenParts) {
  const { store, clock, logger } = parts;
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!(await isRoot(parts, req, res))) return;
    const seed = randomBytes(32);
    const wanted = new URLSearchParams(req.url?.split("?")[1] ?? "");
    try {
      const row = await store.transact((tx) => {
        const made = rowOf(parts, tx, signingKey(seed).publicKey, wanted);
        for (const [key, old] of tx.scan(joinTokens))
          if (old.expiresAt <= clock.now()) tx.delete(joinTokens, key);
        tx.put(joinTokens, made.publicKey, made);
        return made;
      });
      logger.info("a machine may join", { kind: row.kind, cluster: row.cluster, until: row.expiresAt });
      sendJson(res, 200, { token: writeToken(seed, parts.serverPublicKey), expiresAt: row.expiresAt });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      sendJson(res, 400, { message: error.message });
    }
  };
}

/** `estiba machine remove`: for external machines; an instance ends by TerminateInstances. */
export function createRemovalRoute(parts: TokenParts) {
  const { store, clock, logger } = parts;
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!(await isRoot(parts, req, res))) return;
    const id = new URLSearchParams(req.url?.split("?")[1] ?? "").get("id") ?? "";
    const machine = isManagedInstance(id) ? store.find(machines, "id", id)[0]?.[1] : undefined;
    if (machine === undefined) return sendJson(res, 404, { message: `There is no external machine ${id}.` });
    await removeMachine(store, machine, clock.now());
    logger.info("an external machine was removed", { id });
    sendJson(res, 200, { id });
  };
}

/** Answers the request itself when it is not root's. */
async function isRoot({ runtime }: TokenParts, req: IncomingMessage, res: ServerResponse): Promise<boolean> {
  req.resume();
  const caller = await runtime()?.gateway.authenticateUpgrade(req);
  if (caller === undefined) sendJson(res, 503, { message: "The server is not ready yet." });
  else if ("refusal" in caller) sendJson(res, caller.refusal.statusCode, { message: caller.refusal.message });
  else if (caller.principal.type !== "root")
    sendJson(res, 403, { message: "Only the root principal may let machines join." });
  else return true;
  return false;
}

function rowOf(parts: TokenParts, tx: Transaction, publicKey: string, wanted: URLSearchParams): JoinTokenRow {
  const { clock, config } = parts;
  const seconds = Number(wanted.get("seconds") ?? DEFAULT_LIFE_SECONDS);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_LIFE_SECONDS)
    throw new Refused(`A token lives for 1 to ${LONGEST_LIFE_SECONDS} seconds.`);
  const cluster = wanted.get("cluster") ?? "default";
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(cluster)) throw new Refused(`"${cluster}" is not a cluster's name.`);
  const base = { publicKey, region: config.region, cluster, expiresAt: clock.now() + seconds * 1000 };
  const forEc2 = ["type", "subnet", "groups", "profile"].filter((name) => wanted.has(name));
  if (wanted.get("kind") === "external") {
    if (forEc2.length > 0) throw new Refused(`An external machine has no ${forEc2.join(", ")}.`);
    return {
      ...base,
      kind: "external",
      roleArn: anywhereRole(parts, tx, wanted.get("role") ?? ANYWHERE_ROLE),
    };
  }
  if (wanted.has("role")) throw new Refused("An EC2 instance has an instance profile, not a role.");
  if (config.engine === "sim")
    throw new Refused(
      "A server with simulated hosts has no network that another machine could join as an instance.",
    );
  const [type, profile] = [wanted.get("type"), wanted.get("profile") ?? DEFAULT_PROFILE];
  if (type !== null && instanceType(type) === undefined)
    throw new Refused(`"${type}" is not an instance type.`);
  if (tx.get(instanceProfiles, profile) === undefined)
    throw new Refused(`There is no instance profile ${profile}.`);
  const [subnet, groups] = [wanted.get("subnet"), wanted.get("groups")];
  return {
    ...base,
    kind: "ec2",
    instanceProfile: profile,
    ...(type === null ? {} : { instanceType: type }),
    ...(subnet === null ? {} : { subnetId: subnet }),
    ...(groups === null ? {} : { securityGroupIds: groups.split(",") }),
  };
}

/** The role's ARN. The one that AWS's own set-up makes is made here too, when it is asked for first. */
function anywhereRole({ random, clock, config }: TokenParts, tx: Transaction, name: string): string {
  const known = tx.get(roles, name);
  if (known === undefined && name !== ANYWHERE_ROLE) throw new Refused(`There is no role ${name}.`);
  if (known === undefined) {
    const arn = formatArn({ service: "iam", region: "", account: config.account, resource: `role/${name}` });
    const identity = { name, path: "/", arn, tags: {}, assumeRolePolicyDocument: ANYWHERE_TRUST };
    const made = { ...newRole(identity, random, clock.now()), attachedPolicies: ANYWHERE_POLICIES };
    tx.put(roles, name, { ...made, description: "Lets external machines join clusters." });
    return arn;
  }
  if (!serviceMayAssume(known.assumeRolePolicyDocument, { service: "ssm.amazonaws.com" }))
    throw new Refused(`The role ${name} does not trust ssm.amazonaws.com.`);
  return known.arn;
}
