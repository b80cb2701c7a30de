// Reading through layers: what lies on top hides what is below, a deletion included. The store reads the committed
// layer alone; a transaction reads its own changes over those still being written over the committed rows.
import type { RowSet } from "./row-set.ts";
import type { Row } from "./store.ts";

/** Layers of one table, the topmost first. */
export type Layers = readonly RowSet[];
export type Found = readonly [key: string, row: Row];

export function getRow(layers: Layers, key: string): Row | undefined {
  for (const layer of layers) if (layer.has(key)) return layer.get(key);
  return undefined;
}

export interface ScanOptions {
  readonly prefix?: string;
  readonly after?: string;
}

/** Rows in key order. A row changed while the caller walks is seen as it is when the walk gets there, or not at all. */
export function* scanRows(
  layers: Layers,
  { prefix = "", after }: ScanOptions,
): Generator<Found, void, undefined> {
  const start = after !== undefined && after >= prefix ? `${after}\0` : prefix;
  const used = layers.filter((layer) => layer.size > 0);
  const [only] = used;
  if (only === undefined) return;
  const keys = used.length === 1 ? only.keys(start) : mergedKeys(used, start);
  for (const key of keys) {
    if (!key.startsWith(prefix)) return;
    const row = getRow(layers, key);
    if (row !== undefined) yield [key, row];
  }
}

export function findRows(layers: Layers, index: string, value: string): Found[] {
  const found: Found[] = [];
  let contributors = 0;
  layers.forEach((layer, depth) => {
    const before = found.length;
    for (const key of layer.find(index, value)) {
      const row = layer.get(key);
      const hidden = layers.some((above, d) => d < depth && above.has(key));
      if (!hidden && row !== undefined) found.push([key, row]);
    }
    if (found.length > before) contributors += 1;
  });
  return contributors > 1 ? found.sort(([a], [b]) => (a < b ? -1 : 1)) : found;
}

/** The union of the layers' keys, in order and each once. */
function* mergedKeys(layers: Layers, start: string): Generator<string, void, undefined> {
  const heads = layers.map((layer) => {
    const walk = layer.keys(start)[Symbol.iterator]();
    return { walk, next: walk.next() };
  });
  for (;;) {
    let least: string | undefined;
    for (const { next } of heads)
      if (next.done !== true && (least === undefined || next.value < least)) least = next.value;
    if (least === undefined) return;
    yield least;
    for (const head of heads)
      while (head.next.done !== true && head.next.value <= least) head.next = head.walk.next();
  }
}
