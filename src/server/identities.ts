// Who the server knows: root and users by their access keys, instances, tasks and whoever assumed a role by sealed sessions.
import { createHmac } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { formatArn, parseArn } from "#lib/arn.ts";
import type { CredentialIssuer } from "#domain/ports/credential-issuer.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import { isManagedInstance } from "#domain/join/records.ts";
import { findAccessKey, withUse } from "#gateway/credentials/access-keys.ts";
import { createCredentialResolver } from "#gateway/credentials/resolver.ts";
import { createSealedCredentials, type SealedCredentials } from "#gateway/credentials/sealed.ts";
import { createSealer } from "#gateway/credentials/sealer.ts";
import type { CredentialResolver, Principal } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { tasks } from "#store/tables/ecs.ts";
import { accessKeys, roles, users } from "#store/tables/iam.ts";
import { machines } from "#store/tables/join.ts";
import type { RootCredentials } from "./state-folder.ts";

/** Session credentials live this long; IMDS and the fleet renew them well before. */
export const SESSION_LIFETIME_MS = 6 * 60 * 60 * 1000;

/** An engine sends a container's last output after the container's end, which is all that the task waits for. */
const LAST_LOGS_MS = 5 * 60 * 1000;

/** The id of a role that is no row: of the server's own hosts, or of one that is gone, which grants nothing. */
const NO_ROLE = "AROAUNKNOWN";

export interface Identities {
  readonly resolver: CredentialResolver;
  readonly issuer: CredentialIssuer;
  /** For STS: seals sessions of whoever asks for them rightly. */
  readonly sessions: Pick<SealedCredentials, "issue">;
  /** Keeps the secrets of access keys. */
  readonly keySealer: Sealer;
  /** What denials say beyond their sentence. */
  readonly denials: Sealer;
}

export interface IdentityDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly account: string;
  readonly sealingKey: Buffer;
  readonly root: RootCredentials;
}

export function createIdentities({
  store,
  clock,
  logger,
  random,
  account,
  sealingKey,
  root,
}: IdentityDependencies): Identities {
  const rootPrincipal: Principal = {
    type: "root",
    account,
    id: account,
    arn: formatArn({ service: "iam", region: "", account, resource: "root" }),
  };

  /** Credentials die with what they were issued for. */
  const isAlive = (principal: Principal): boolean => {
    if (principal.type === "instance" && isManagedInstance(principal.instanceId))
      return store.find(machines, "id", principal.instanceId).length > 0;
    if (principal.type === "instance") {
      const state = store.find(instances, "id", principal.instanceId)[0]?.[1].state;
      return state !== undefined && state !== "terminated";
    }
    if (principal.type !== "task") return true;
    const key = keyOfEcsArn(principal.taskArn);
    const task = key === undefined ? undefined : store.get(tasks, key);
    if (task === undefined) return false;
    if (task.lastStatus !== "STOPPED") return true;
    return principal.forExecution === true && clock.now() < (task.stoppedAt ?? 0) + LAST_LOGS_MS;
  };

  /** A user's and a role's sessions end with it; another that is made under its name has another id. */
  const isKnown = (principal: Principal): boolean => {
    if (principal.type === "root") return true;
    if (principal.type === "user") return store.get(users, principal.userName)?.id === principal.id;
    const [roleId] = principal.id.split(":");
    return (store.find(roles, "arn", principal.roleArn)[0]?.[1].id ?? NO_ROLE) === roleId;
  };

  const sealed = createSealedCredentials({ key: sealingKey, clock, random, isAlive });
  const keySealer = createSealer({ key: sealingKey, purpose: "access keys", random });

  const used = (id: string, { service, region }: { service: string; region: string }): void => {
    const row = store.get(accessKeys, id);
    const use = { at: clock.now(), service, region };
    if (row === undefined || withUse(row, use) === undefined) return;
    store
      .transact((tx) => {
        const noted = tx.get(accessKeys, id);
        const after = noted === undefined ? undefined : withUse(noted, use);
        if (after !== undefined) tx.put(accessKeys, id, after);
      })
      // The call itself goes on: only when it was made is not known.
      .catch((error: unknown) => logger.warn("the use of an access key could not be noted", { id, error }));
  };

  /** `assumed-role/<role>/<session>` and `<role id>:<session>`, as STS writes them. */
  const session = (roleArn: string, sessionName: string) => {
    const roleName = parseArn(roleArn)?.resource.split("/").at(-1) ?? "";
    const roleId = store.get(roles, roleName)?.id ?? NO_ROLE;
    return {
      issuedAt: clock.now(),
      account,
      roleArn,
      id: `${roleId}:${sessionName}`,
      arn: formatArn({
        service: "sts",
        region: "",
        account,
        resource: `assumed-role/${roleName}/${sessionName}`,
      }),
    };
  };
  const expiresAt = () => clock.now() + SESSION_LIFETIME_MS;

  return {
    resolver: createCredentialResolver({
      lookup: (accessKeyId) =>
        accessKeyId === root.accessKeyId
          ? { secretAccessKey: root.secretAccessKey, principal: rootPrincipal }
          : findAccessKey(store, keySealer, { id: accessKeyId, account }),
      sessions: sealed,
      isKnown,
      used,
    }),
    sessions: sealed,
    keySealer,
    denials: createSealer({ key: sealingKey, purpose: "authorization messages", random }),
    issuer: {
      credentialsId: (taskArn, roleType) =>
        uuidOf(
          createHmac("sha256", sealingKey).update(`credentials id/${roleType}/${taskArn}`).digest("hex"),
        ),
      forInstance: ({ roleArn, instanceId }) =>
        sealed.issue({
          principal: { type: "instance", instanceId, ...session(roleArn, instanceId) },
          expiresAt: expiresAt(),
        }),
      forTask: ({ roleArn, taskArn, roleType }) =>
        sealed.issue({
          principal: {
            type: "task",
            taskArn,
            ...(roleType === "TaskExecution" ? { forExecution: true } : {}),
            ...session(roleArn, taskArn.split("/").at(-1) ?? ""),
          },
          expiresAt: expiresAt(),
        }),
    },
  };
}

/** The first digits of a hash in the shape of a UUID. */
const uuidOf = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
