// The credentials of tasks' roles, by the id that stands in their containers' environment. In memory only: after a restart the
// control plane sends them again.
import type { RoleCredentials } from "#acs/messages.ts";

export interface CredentialStore {
  /** What a container may have; undefined when the id is unknown or its credentials have not come yet. */
  get(credentialsId: string): RoleCredentials | undefined;
  /** Resolves once there are such credentials: at once, or when the control plane sends them. */
  arrival(credentialsId: string): Promise<RoleCredentials>;
  put(taskArn: string, credentials: RoleCredentials): void;
  forgetTask(taskArn: string): void;
}

export function createCredentialStore(): CredentialStore {
  const byId = new Map<string, RoleCredentials>();
  const idsOfTask = new Map<string, Set<string>>();
  const waiting = new Map<string, ((credentials: RoleCredentials) => void)[]>();
  return {
    get: (credentialsId) => byId.get(credentialsId),
    arrival(credentialsId) {
      const known = byId.get(credentialsId);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) =>
        waiting.set(credentialsId, [...(waiting.get(credentialsId) ?? []), resolve]),
      );
    },
    put(taskArn, credentials) {
      byId.set(credentials.credentialsId, credentials);
      const ids = idsOfTask.get(taskArn) ?? new Set();
      idsOfTask.set(taskArn, ids.add(credentials.credentialsId));
      for (const arrived of waiting.get(credentials.credentialsId) ?? []) arrived(credentials);
      waiting.delete(credentials.credentialsId);
    },
    forgetTask(taskArn) {
      for (const id of idsOfTask.get(taskArn) ?? []) {
        byId.delete(id);
        waiting.delete(id);
      }
      idsOfTask.delete(taskArn);
    },
  };
}
