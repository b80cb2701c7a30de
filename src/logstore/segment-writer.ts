// Writes a segment: under another name until all of it is synced, so that a file with a segment's name is always whole.
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { EVENT_OVERHEAD, type StoredEvent } from "./event.ts";
import {
  BLOCK_BYTES,
  blockPayload,
  encodeIndex,
  frameBlock,
  MAGIC,
  type BlockEntry,
  type StreamEntry,
} from "./segment-format.ts";
import { syncFolder } from "./sync-folder.ts";
import { summaryOf } from "./summaries.ts";

const compress = promisify<Buffer, { level: number }, Buffer>(deflateRaw);

export interface SegmentWriter {
  /** Sorted events of a stream, after those of it that came before; no other stream's may lie between. */
  add(stream: string, events: readonly StoredEvent[]): Promise<void>;
  /** False when no event came. */
  finish(sequences: { readonly minSequence: number; readonly maxSequence: number }): Promise<boolean>;
  abort(): Promise<void>;
}

export async function createSegmentWriter(file: string): Promise<SegmentWriter> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, "w", 0o600);
  const streams: StreamEntry[] = [];
  let at = 0;
  let current:
    | {
        readonly id: string;
        events: StoredEvent[];
        bytes: number;
        blocks: BlockEntry[];
        summary?: ReturnType<typeof summaryOf>;
      }
    | undefined;

  const write = async (bytes: Buffer) => {
    for (let done = 0; done < bytes.length;)
      done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    at += bytes.length;
  };
  const endBlock = async () => {
    const [first, last] = [current?.events[0], current?.events.at(-1)];
    if (current === undefined || first === undefined || last === undefined) return;
    const framed = frameBlock(await compress(blockPayload(current.events), { level: 1 }));
    current.blocks.push({
      offset: at,
      length: framed.length,
      first: positionOf(first),
      last: positionOf(last),
    });
    const more = summaryOf(current.events);
    const old = current.summary ?? more;
    current.summary = {
      firstTimestamp: Math.min(old.firstTimestamp, more.firstTimestamp),
      lastTimestamp: Math.max(old.lastTimestamp, more.lastTimestamp),
      lastIngestionTime: Math.max(old.lastIngestionTime, more.lastIngestionTime),
    };
    current.events = [];
    current.bytes = 0;
    await write(framed);
  };
  const endStream = async () => {
    await endBlock();
    if (current?.summary !== undefined)
      streams.push({ id: current.id, ...current.summary, blocks: current.blocks });
    current = undefined;
  };
  const abort = async () => {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
  };

  await write(MAGIC);
  return {
    async add(stream, events) {
      if (current?.id !== stream) {
        await endStream();
        current = { id: stream, events: [], bytes: 0, blocks: [] };
      }
      for (const event of events) {
        current.events.push(event);
        current.bytes += event.message.length + EVENT_OVERHEAD;
        if (current.bytes >= BLOCK_BYTES) await endBlock();
      }
    },
    async finish(sequences) {
      await endStream();
      if (streams.length === 0) {
        await abort();
        return false;
      }
      await write(encodeIndex({ ...sequences, streams }));
      await handle.sync();
      await handle.close();
      await rename(temporary, file);
      await syncFolder(dirname(file));
      return true;
    },
    abort,
  };
}

const positionOf = ({ timestamp, sequence }: StoredEvent) => ({ timestamp, sequence });
