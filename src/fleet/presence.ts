// Which agents are connected: written to the container instance on an edge only, a loss only after a grace period, because
// agents reconnect every half hour and after every restart of the control plane.
import type { Clock, Timer } from "#lib/clock.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import { setAgentConnected, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { Store } from "#store/store.ts";
import { containerInstances } from "#store/tables/ecs.ts";

export interface Presence {
  /** Instances stored as connected get the grace period to come back. */
  start(): Promise<void>;
  /** `versionInfo` comes from the connection's query. */
  connected(instanceArn: string, versionInfo: ContainerInstanceRow["versionInfo"]): Promise<void>;
  lost(instanceArn: string): void;
  close(): void;
}

export interface PresenceDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly graceMs: number;
  readonly onError: (error: unknown) => void;
}

export function createPresence({ store, clock, graceMs, onError }: PresenceDependencies): Presence {
  const absent = new Map<string, Timer>();

  const change = (instanceArn: string, to: (row: ContainerInstanceRow) => ContainerInstanceRow) => {
    const key = keyOfEcsArn(instanceArn);
    if (key === undefined) return Promise.resolve();
    return store.transact((tx) => {
      const row = tx.get(containerInstances, key);
      if (row !== undefined && row.status !== "INACTIVE") tx.put(containerInstances, key, to(row));
    });
  };
  const present = (instanceArn: string) => {
    absent.get(instanceArn)?.cancel();
    absent.delete(instanceArn);
  };
  const awaitReturn = (instanceArn: string) => {
    present(instanceArn);
    absent.set(
      instanceArn,
      clock.after(graceMs, () => {
        absent.delete(instanceArn);
        change(instanceArn, (row) => setAgentConnected(row, false, clock.now())).catch(onError);
      }),
    );
  };

  return {
    async start() {
      for (const [, row] of store.scan(containerInstances)) if (row.agentConnected) awaitReturn(row.arn);
    },
    connected(instanceArn, versionInfo) {
      present(instanceArn);
      return change(instanceArn, (row) => ({ ...setAgentConnected(row, true, clock.now()), versionInfo }));
    },
    lost: awaitReturn,
    close() {
      for (const timer of absent.values()) timer.cancel();
      absent.clear();
    },
  };
}
