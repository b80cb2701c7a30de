import { expect, it } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { silentLogger } from "#lib/logger.ts";
import { createStore } from "./create-store.ts";
import { createLmdbBackend } from "./lmdb-backend.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { defineTable } from "./store.ts";
it("keeps rows across a reopen", async () => {
  const t = defineTable<{ n: number; c: string }>({ name: "t", indexes: { c: (r) => [r.c] } });
  const dir = mkdtempSync("/tmp/estiba-st-");
  const mem = createMemoryBackend();
  for (const backend of [() => mem, () => createLmdbBackend(dir)]) {
    let s = await createStore({ backend: backend(), logger: silentLogger, tables: [t] });
    await Promise.all(Array.from({ length: 50 }, (_, i) => s.transact((tx) => tx.put(t, `k${i}`, { n: i, c: `c${i % 3}` }))));
    expect(s.durableCommits).toBe(1);
    await s.transact((tx) => tx.put(t, `k1`, { c: "c1", n: 1 }));
    expect(s.durableCommits).toBe(1);
    await s.close();
    s = await createStore({ backend: backend(), logger: silentLogger, tables: [t] });
    expect([...s.scan(t)].length).toBe(50);
    expect(s.find(t, "c", "c1").length).toBe(17);
    await s.close();
  }
  rmSync(dir, { recursive: true });
});
