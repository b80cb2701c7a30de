// Removes everything that runs for a data folder, with or without a server: `estiba down`.
import { systemClock } from "#lib/clock.ts";
import { createLogger } from "#lib/logger.ts";
import { createMachine, removeMachine } from "./machine.ts";
import type { StateFolder } from "./state-folder.ts";

export async function tearDown(folder: StateFolder): Promise<void> {
  const machine = createMachine({
    folder,
    clock: systemClock,
    logger: createLogger("warn"),
    endpointPort: 0,
    cidrOf: () => undefined,
  });
  await removeMachine(machine);
  await machine.close();
}
