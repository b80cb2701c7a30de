// Ends everything that runs for a data folder, with or without a server: `estiba down`. The hosts' disks stay with the state.
import { systemClock } from "#lib/clock.ts";
import { createLogger } from "#lib/logger.ts";
import { createMachine, endMachine } from "./machine.ts";
import type { StateFolder } from "./state-folder.ts";

export async function tearDown(folder: StateFolder): Promise<void> {
  const machine = createMachine({
    folder,
    clock: systemClock,
    logger: createLogger("warn"),
    endpointPort: 0,
    cidrOf: () => undefined,
  });
  await endMachine(machine, "keep");
  await machine.close();
}
