// A process that appends to a log store until it is killed, and prints each batch's number once it is acknowledged.
// Arguments: the folder, the first number.
import { writeSync } from "node:fs";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { openLogStore } from "#logstore/open-log-store.ts";

const [folder = "", first = "0"] = process.argv.slice(2);
const store = await openLogStore({
  folder,
  policy: { keepsGroup: () => true, keepsStream: () => true, keptFrom: () => 0 },
  clock: systemClock,
  logger: silentLogger,
  // Small, so that tables are written to segments, and segments merged, all the time.
  tableBytes: 20_000,
});
let next = Number(first);
writeSync(1, "ready\n");

async function writeForever(): Promise<never> {
  for (;;) {
    const n = next++;
    const events = Array.from({ length: (n % 7) + 1 }, (_, part) => ({
      timestamp: n,
      message: `${n}/${part}/${(n % 7) + 1} ${"x".repeat((n * 131) % 1000)}`,
    }));
    await store.append({ group: `g${n % 2}`, stream: `s${n % 3}` }, events);
    // Synchronous, so that what was printed was acknowledged and what was acknowledged before is printed.
    writeSync(1, `${n}\n`);
  }
}
await Promise.all(Array.from({ length: 4 }, writeForever));
