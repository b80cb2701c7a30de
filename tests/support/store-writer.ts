// A process that writes to an LMDB store until it is killed, and prints each transaction's number once it is acknowledged.
// Arguments: the folder, the first number, how many transactions are under way at once.
import { writeSync } from "node:fs";
import { silentLogger } from "#lib/logger.ts";
import { createStore } from "#store/create-store.ts";
import { createLmdbBackend } from "#store/lmdb-backend.ts";
import { type Load, loads, latest } from "#tests/support/store-load.ts";

const [folder = "", first = "0", width = "1"] = process.argv.slice(2);
const store = await createStore({
  backend: createLmdbBackend(folder),
  logger: silentLogger,
  tables: [loads, latest],
});
let next = Number(first);
writeSync(1, "ready\n");

async function writeForever(): Promise<never> {
  for (;;) {
    const n = next++;
    await store.transact((tx) => {
      const rows = (n % 7) + 1;
      for (let part = 0; part < rows; part++) {
        const row: Load = { n, part, rows, filler: "x".repeat((n * 131) % 3000) };
        tx.put(loads, `${n}/${part}`, row);
      }
      if (n >= 20) for (let part = 0; part < 7; part++) tx.delete(loads, `${n - 20}/${part}`);
      tx.put(latest, "latest", { n });
    });
    // Synchronous, so that what was printed was acknowledged and what was acknowledged before is printed.
    writeSync(1, `${n}\n`);
  }
}
await Promise.all(Array.from({ length: Number(width) }, writeForever));
