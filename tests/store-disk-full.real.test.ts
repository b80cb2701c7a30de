// A full disk refuses writes and nothing else: the process lives, reads go on, nothing acknowledged is lost, and writing
// goes on when there is room. Mounts a small tmpfs, so it needs root.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { settle } from "#lib/test-clock.ts";
import { createStore } from "#store/create-store.ts";
import { createLmdbBackend } from "#store/lmdb-backend.ts";
import { type Store, WriteFailed, defineTable } from "#store/store.ts";

const notes = defineTable<{ readonly text: string }>({
  name: "notes",
  indexes: { size: (r) => [String(r.text.length)] },
});

let mount: string;
let store: Store | undefined;
const unheard: unknown[] = [];
const onUnheard = (reason: unknown) => void unheard.push(reason);

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), "store-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", mount]);
  unheard.length = 0;
  process.on("unhandledRejection", onUnheard);
});
afterEach(async () => {
  process.off("unhandledRejection", onUnheard);
  await store?.close();
  store = undefined;
  execFileSync("umount", ["--lazy", mount]);
  rmSync(mount, { recursive: true });
});

const open = () =>
  createStore({ backend: createLmdbBackend(join(mount, "db")), logger: silentLogger, tables: [notes] });
const text = "x".repeat(20_000);
const put = (of: Store, key: string) => of.transact((tx) => tx.put(notes, key, { text }));
const keys = (of: Store) => Array.from(of.scan(notes), ([key]) => key);

/** Writes until the first refusal; the keys that were acknowledged. */
async function fill(of: Store, prefix: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; i < 1000; i++) {
    const key = `${prefix}${String(i).padStart(4, "0")}`;
    try {
      await put(of, key);
    } catch (error) {
      expect(error).toBeInstanceOf(WriteFailed);
      return acknowledged;
    }
    acknowledged.push(key);
  }
  throw new Error("the disk never became full");
}

it("refuses writes while the disk is full and loses nothing that was acknowledged", async () => {
  const full = (store = await open());
  const acknowledged = await fill(store, "a");
  expect(acknowledged.length).toBeGreaterThan(10);

  for (let i = 0; i < 20; i++) {
    const refused = ["x", "y", "z"].map((part) => put(full, `refused-${i}-${part}`));
    for (const outcome of await Promise.allSettled(refused)) expect(outcome.status).toBe("rejected");
    expect(store.get(notes, acknowledged[0] as string)?.text).toBe(text);
    expect(store.find(notes, "size", String(text.length))).toHaveLength(acknowledged.length);
  }
  await settle();
  expect(unheard).toEqual([]);

  execFileSync("mount", ["-o", "remount,size=16m", mount]);
  await put(store, "room");
  const expected = [...acknowledged, "room"];
  expect(keys(store)).toEqual(expected);
  await store.close();
  store = await open();
  expect(keys(store)).toEqual(expected);
});

it("finds everything acknowledged when it is opened again on a disk that is still full", async () => {
  store = await open();
  const acknowledged = await fill(store, "a");
  await store.close();
  store = await open();
  expect(keys(store)).toEqual(acknowledged);
});

it("writes again when another file made room", async () => {
  const ballast = join(mount, "ballast");
  writeFileSync(ballast, Buffer.alloc(1024 * 1024));
  store = await open();
  const acknowledged = await fill(store, "a");
  rmSync(ballast);
  const more = await fill(store, "b");
  expect(more.length).toBeGreaterThan(10);
  expect(keys(store)).toEqual([...acknowledged, ...more]);
  await settle();
  expect(unheard).toEqual([]);
});
