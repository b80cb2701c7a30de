// Hands an archive of `docker save` to the engine and reads what it made of it.
import type { Readable } from "node:stream";
import { messageOf } from "#lib/errors.ts";
import { EngineError } from "../port.ts";
import type { DockerClient } from "./client.ts";
import { jsonLines } from "./json-lines.ts";

/** ECS's agent gives a whole pull two hours. */
const LOAD_TIMEOUT_MS = 2 * 60 * 60_000;

/** @throws EngineError `refused` in the engine's words, `unreachable` */
export async function loadArchive(client: DockerClient, archive: Readable): Promise<void> {
  const progress = await client.open({
    method: "POST",
    path: "/images/load",
    query: { quiet: "1" },
    archive,
    timeoutMs: LOAD_TIMEOUT_MS,
  });
  // The status is 200 before the work is done: a failure comes as the last line.
  let refusal: string | undefined;
  try {
    for await (const line of jsonLines(progress)) refusal ??= (line as { readonly error?: string }).error;
  } catch (error) {
    throw new EngineError("unreachable", `the engine was lost while it loaded an image: ${messageOf(error)}`);
  }
  if (refusal !== undefined)
    throw new EngineError("refused", `the image archive cannot be loaded: ${refusal}`);
}
