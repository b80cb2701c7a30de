// The supervisor of this data folder: what the server and the command line keep running that outlives them.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import { createRunitSupervisor } from "#supervise/supervisor.ts";
import type { StateFolder } from "./state-folder.ts";

export function createSupervisor(folder: StateFolder, clock: Clock, logger?: Logger): Supervisor {
  return createRunitSupervisor({
    directory: folder.services,
    clock,
    ...(logger === undefined ? {} : { logger }),
  });
}
