// A change that the proxies must have before the caller hears of it. When the proxy refuses it, the rows go back.
import { ProxyRefused } from "#domain/ports/proxy-ready.ts";
import type { Row, Table, Transaction } from "#store/store.ts";
import type { Elbv2Dependencies } from "./dependencies.ts";
import { invalidConfiguration } from "./errors.ts";

export interface StructuralChange {
  readonly vpcId: string;
  /** Puts the rows back as they were. */
  readonly undo: (tx: Transaction) => void;
}

/** Runs the change and waits for the proxies. @throws InvalidConfigurationRequest when they refuse it; nothing is changed then */
export async function applyStructural<T>(
  { store, proxy, logger }: Elbv2Dependencies,
  change: (tx: Transaction) => { readonly result: T } & Partial<StructuralChange>,
): Promise<T> {
  const { result, vpcId, undo } = await store.transact(change);
  if (vpcId === undefined) return result;
  try {
    await proxy.settled(vpcId);
  } catch (error) {
    if (!(error instanceof ProxyRefused)) throw error;
    logger.warn("the proxy refused a load balancer's configuration", { vpcId, reason: error.message });
    if (undo !== undefined) await store.transact(undo);
    throw invalidConfiguration("The load balancer cannot take this configuration");
  }
  return result;
}

/** Undoes one put: the row goes back unless somebody changed it since. */
export function undoPut<R extends Row>(
  table: Table<R>,
  key: string,
  before: R | undefined,
  put: R,
): (tx: Transaction) => void {
  return (tx) => {
    if (JSON.stringify(tx.get(table, key)) !== JSON.stringify(put)) return;
    if (before === undefined) tx.delete(table, key);
    else tx.put(table, key, before);
  };
}
