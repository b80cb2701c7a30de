// The credentials of tasks' roles, by the id that stands in their containers' environment. In memory only: after a restart the
// control plane sends them again.
import type { RoleCredentials } from "#acs/messages.ts";

export interface CredentialStore {
  /** What a container may have; undefined when the id is unknown or its credentials have not come yet. */
  get(credentialsId: string): RoleCredentials | undefined;
  put(taskArn: string, credentials: RoleCredentials): void;
  forgetTask(taskArn: string): void;
}

export function createCredentialStore(): CredentialStore {
  const byId = new Map<string, RoleCredentials>();
  const idsOfTask = new Map<string, Set<string>>();
  return {
    get: (credentialsId) => byId.get(credentialsId),
    put(taskArn, credentials) {
      byId.set(credentials.credentialsId, credentials);
      const ids = idsOfTask.get(taskArn) ?? new Set();
      idsOfTask.set(taskArn, ids.add(credentials.credentialsId));
    },
    forgetTask(taskArn) {
      for (const id of idsOfTask.get(taskArn) ?? []) byId.delete(id);
      idsOfTask.delete(taskArn);
    },
  };
}
