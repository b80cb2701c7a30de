// One JSON document a line, from a stream that may go on for ever: Docker's events and progress.
import type { Readable } from "node:stream";

/** Longer than any event with all its labels. */
const LINE_LIMIT = 1024 * 1024;

/** @throws Error when a line is no JSON or longer than 1 MiB; whatever the stream fails with. */
export async function* jsonLines(stream: Readable): AsyncGenerator<unknown> {
  let pending: Buffer[] = [];
  let pendingSize = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      pending.push(chunk.subarray(from, end));
      const line = Buffer.concat(pending).toString("utf8").trim();
      pending = [];
      pendingSize = 0;
      from = end + 1;
      if (line !== "") yield JSON.parse(line) as unknown;
    }
    if (from === chunk.length) continue;
    pending.push(chunk.subarray(from));
    pendingSize += chunk.length - from;
    if (pendingSize > LINE_LIMIT) throw new Error(`a line is longer than ${LINE_LIMIT} bytes`);
  }
  const rest = Buffer.concat(pending).toString("utf8").trim();
  if (rest !== "") yield JSON.parse(rest) as unknown;
}
