// A full disk refuses log events and nothing else: what was acknowledged is read, and writing goes on when there is room. Mounts a
// small tmpfs, so it needs root.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { TestClock } from "#lib/test-clock.ts";
import { LogsNotStored, type LogStore } from "#logstore/log-store.ts";
import { openLogStore } from "#logstore/open-log-store.ts";

let mount: string;
let store: LogStore;
const open = () =>
  openLogStore({
    folder: join(mount, "logs"),
    policy: { keepsGroup: () => true, keepsStream: () => true, keptFrom: () => 0 },
    clock: new TestClock(),
    logger: silentLogger,
    tableBytes: 200_000,
  });
beforeEach(async () => {
  mount = mkdtempSync(join(tmpdir(), "logs-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", mount]);
  store = await open();
});
afterEach(async () => {
  await store.close();
  execFileSync("umount", ["--lazy", mount]);
  rmSync(mount, { recursive: true });
});

const to = { group: "g", stream: "s" };
let number = 0;
/** Text that does not compress, so that segments need room, too. */
const noise = (n: number) =>
  Buffer.from(Array.from({ length: 4000 }, (_, i) => (n * 7919 + i * i * 31 + (i >> 3) * n) & 255)).toString(
    "base64",
  );
async function append(): Promise<string> {
  const message = `${++number} ${noise(number)}`;
  await store.append(to, [{ timestamp: number, message }]);
  return message;
}
const stored = async () =>
  (
    await store.read("g", ["s"], {
      direction: "forward",
      from: 0,
      to: Infinity,
      maxEvents: Infinity,
      maxBytes: Infinity,
    })
  ).events.map((e) => e.message);

it("refuses events while the disk is full, loses none that it took, and goes on when there is room", async () => {
  const ballast = join(mount, "ballast");
  writeFileSync(ballast, Buffer.alloc(600_000));
  const acknowledged: string[] = [];
  let refusal: unknown;
  while (refusal === undefined)
    await append().then(
      (message) => acknowledged.push(message),
      (error: unknown) => (refusal = error),
    );
  expect(refusal).toBeInstanceOf(LogsNotStored);
  expect(acknowledged.length).toBeGreaterThan(20);
  await expect(append()).rejects.toBeInstanceOf(LogsNotStored);
  expect(await stored()).toEqual(acknowledged);

  rmSync(ballast);
  acknowledged.push(await append());
  expect(await stored()).toEqual(acknowledged);
  await store.close();
  store = await open();
  expect(await stored()).toEqual(acknowledged);
});
