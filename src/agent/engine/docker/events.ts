// Docker's event stream, narrowed to the moments at which a container's state changes.
import type { IncomingMessage } from "node:http";
import { messageOf } from "#lib/errors.ts";
import type { DockerClient } from "./client.ts";
import { jsonLines } from "./json-lines.ts";

/** Health checks run as execs, whose own events come with every check: they are not asked for. */
const ACTIONS = [
  "create",
  "start",
  "restart",
  "die",
  "oom",
  "stop",
  "kill",
  "pause",
  "unpause",
  "health_status",
  "destroy",
] as const;

interface DockerEvent {
  readonly Type?: string;
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string };
}

/**
 * Resolves once nothing that happens from now on is missed. `lost` is called once, unless closed first.
 * @throws EngineError `unreachable`, `refused`
 */
export async function watchContainers(
  client: DockerClient,
  changed: (id: string) => void,
  lost: (reason: string) => void,
): Promise<{ close(): void }> {
  const stream = await client.open({
    method: "GET",
    path: "/events",
    query: {
      // Docker answers before it has subscribed; what happens in between comes out of its buffer by `since`. The engine's
      // clock counts, to the second: the few events of that second that come again only cause one more inspection.
      since: String(await engineSeconds(client)),
      filters: JSON.stringify({ type: ["container"], event: ACTIONS }),
    },
  });
  let closed = false;
  void follow(stream, (event) => {
    if (!closed) changed(event);
  }).then((reason) => {
    if (!closed) lost(reason);
  });
  return {
    close() {
      closed = true;
      stream.destroy();
    },
  };
}

/** Resolves with why the stream ended. */
async function follow(stream: IncomingMessage, changed: (id: string) => void): Promise<string> {
  try {
    for await (const line of jsonLines(stream)) {
      const id = changedContainer(line as DockerEvent);
      if (id !== undefined) changed(id);
    }
    return "Docker ended its event stream";
  } catch (error) {
    stream.destroy();
    return `Docker's event stream broke: ${messageOf(error)}`;
  }
}

/** `health_status: healthy` carries its value in the action. */
function changedContainer({
  Type: type,
  Action: action = "",
  Actor: actor,
}: DockerEvent): string | undefined {
  const name = action.split(":")[0] ?? "";
  return type === "container" && (ACTIONS as readonly string[]).includes(name) ? actor?.ID : undefined;
}

async function engineSeconds(client: DockerClient): Promise<number> {
  const { body } = await client.send({ method: "GET", path: "/info" });
  const at = Date.parse((body as { SystemTime?: string }).SystemTime ?? "");
  return Number.isNaN(at) ? 0 : Math.floor(at / 1000);
}
