// Who the server knows: root by its access key, instances and tasks by sealed sessions of their roles.
import { createHmac } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { formatArn, parseArn } from "#lib/arn.ts";
import type { CredentialIssuer } from "#domain/ports/credential-issuer.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import { isManagedInstance } from "#domain/join/records.ts";
import { createCredentialResolver } from "#gateway/credentials/resolver.ts";
import { createSealedCredentials } from "#gateway/credentials/sealed.ts";
import type { CredentialResolver, Principal } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { tasks } from "#store/tables/ecs.ts";
import { roles } from "#store/tables/iam.ts";
import { machines } from "#store/tables/join.ts";
import type { RootCredentials } from "./state-folder.ts";

/** Session credentials live this long; IMDS and the fleet renew them well before. */
export const SESSION_LIFETIME_MS = 6 * 60 * 60 * 1000;

/** An engine sends a container's last output after the container's end, which is all that the task waits for. */
const LAST_LOGS_MS = 5 * 60 * 1000;

export interface Identities {
  readonly resolver: CredentialResolver;
  readonly issuer: CredentialIssuer;
}

export interface IdentityDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly account: string;
  readonly sealingKey: Buffer;
  readonly root: RootCredentials;
}

export function createIdentities({
  store,
  clock,
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

  const sealed = createSealedCredentials({ key: sealingKey, clock, random, isAlive });

  /** `assumed-role/<role>/<session>` and `<role id>:<session>`, as STS writes them. */
  const session = (roleArn: string, sessionName: string) => {
    const roleName = parseArn(roleArn)?.resource.split("/").at(-1) ?? "";
    const roleId = store.get(roles, roleName)?.id ?? "AROAUNKNOWN";
    return {
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
          : undefined,
      sessions: sealed,
    }),
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
