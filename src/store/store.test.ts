// Every backend runs the store's suite; the counting twin is checked for what it counts.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import type { Backend } from "./backend.ts";
import { createCountingBackend } from "./counting-backend.ts";
import { createStore } from "./create-store.ts";
import { createEtcdLimitsBackend } from "./etcd-limits-backend.ts";
import { createFailingBackend } from "./failing-backend.ts";
import type { Fixture } from "./fixture.suite.ts";
import { createLmdbBackend } from "./lmdb-backend.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { WriteFailed, defineTable } from "./store.ts";
import { storeSuite } from "./store.suite.ts";

const overMemory = (wrap: (inner: Backend) => Backend) => async (): Promise<Fixture> => {
  const backend = wrap(createMemoryBackend());
  return { open: () => backend, async remove() {} };
};

const onLmdb = async (): Promise<Fixture> => {
  const folder = mkdtempSync(join(tmpdir(), "store-v1.2-"));
  return {
    open: () => createLmdbBackend(join(folder, "db")),
    async remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

storeSuite(
  "memory",
  overMemory((inner) => inner),
  150,
);
storeSuite("memory within etcd's limits", overMemory(createEtcdLimitsBackend), 50);
storeSuite("LMDB", onLmdb, 25);

const notes = defineTable<{ text: string }>({ name: "notes" });

it("LMDB's files can be read by their owner only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "store-mode-"));
  const kept = createLmdbBackend(join(folder, "db"));
  const modes = readdirSync(join(folder, "db")).map(
    (file) => statSync(join(folder, "db", file)).mode & 0o777,
  );
  expect(modes).toEqual([0o600, 0o600]);
  expect(statSync(join(folder, "db")).mode & 0o777).toBe(0o700);
  await kept.close();
  rmSync(folder, { recursive: true });
});

it("the counting twin counts commits, operations and bytes", async () => {
  const backend = createCountingBackend(createMemoryBackend());
  const store = await createStore({ backend, logger: silentLogger, tables: [notes] });
  await store.transact((tx) => {
    tx.put(notes, "a", { text: "x" });
    tx.put(notes, "b", { text: "y" });
  });
  expect(backend).toMatchObject({ commits: 1, operations: 2 });
  expect(backend.bytes).toBe(2 * '{"v":1,"row":{"text":"x"}}notes/a'.length);
  expect(store.durableCommits).toBe(backend.commits);
});

it("the failing twin fails after as many commits as it was told", async () => {
  const backend = createFailingBackend(createMemoryBackend());
  backend.failAfter = 2;
  const store = await createStore({ backend, logger: silentLogger, tables: [notes] });
  const put = (key: string) => store.transact((tx) => tx.put(notes, key, { text: key }));
  await put("a");
  await put("b");
  await expect(put("c")).rejects.toBeInstanceOf(WriteFailed);
  expect(Array.from(store.scan(notes), ([key]) => key)).toEqual(["a", "b"]);
});

it("etcd's limits are enforced by the twin", async () => {
  const twin = createEtcdLimitsBackend(createMemoryBackend());
  const write = (i: number, value = "") => ({ table: "t", key: String(i), value });
  const many = (count: number) => Array.from({ length: count }, (_, i) => write(i));
  await twin.commit(many(128));
  await expect(twin.commit(many(129))).rejects.toThrow("too many operations");
  await expect(twin.commit([write(1), write(1)])).rejects.toThrow("duplicate key");
  await expect(twin.commit([write(1, "x".repeat(1_600_000))])).rejects.toThrow("too large");
});
