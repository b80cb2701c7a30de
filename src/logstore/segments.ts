// The segments of all groups: a folder for each group, a file for each segment, named by the sequences it holds. Written from a
// full memory table, merged when they are many, removed when they have expired.
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import { chooseMerge } from "./choose-merge.ts";
import type { LogPolicy } from "./log-store.ts";
import type { MemoryTable } from "./memory-table.ts";
import type { Position } from "./event.ts";
import { readRuns, type Run } from "./read.ts";
import { createIndexCache, openSegment, segmentRuns, type Segment } from "./segment.ts";
import { createSegmentWriter } from "./segment-writer.ts";
import { syncFolder } from "./sync-folder.ts";
import type { Summaries } from "./summaries.ts";

/** How many indexes stay in memory. */
const CACHED_INDEXES = 64;
/** Events that a merge holds at once. */
const MERGE_PAGE = 4096;
const NAME = /^(\d{16})-(\d{16})\.seg$/;

export interface Segments {
  /** Runs of the streams in segments that touch the time. `release` when they are read. */
  runs(
    group: string,
    streams: ReadonlySet<string>,
    time: { readonly from: number; readonly to: number },
  ): Promise<{ readonly runs: readonly Run[]; readonly release: () => void }>;
  /** The highest sequence of the group that stands in a segment. */
  flushedTo(group: string): number;
  highestSequence(): number;
  bytesOf(group: string): number;
  /** Writes the whole table. What throws may be called again. */
  flush(table: MemoryTable): Promise<void>;
  /** Removes what the policy no longer keeps and merges what is many. `stop` ends it early. */
  tidy(stop: () => boolean): Promise<void>;
}

export interface SegmentsOptions {
  readonly folder: string;
  readonly policy: LogPolicy;
  readonly summaries: Summaries;
  readonly logger: Logger;
}

export async function openSegments({
  folder,
  policy,
  summaries,
  logger,
}: SegmentsOptions): Promise<Segments> {
  /** In the order of their sequences. */
  const groups = new Map<string, Segment[]>();
  const indexes = createIndexCache(CACHED_INDEXES);
  let readers = 0;
  /** Merged or expired while somebody reads: removed when nobody does. */
  let leaving: string[] = [];

  const remove = async (segments: readonly Segment[]) => {
    for (const segment of segments) indexes.drop(segment);
    leaving.push(...segments.map((s) => s.file));
    await removeLeaving();
  };
  const removeLeaving = async () => {
    if (readers > 0) return;
    const files = leaving;
    leaving = [];
    for (const file of files) await rm(file, { force: true });
  };
  const fileOf = (group: string, from: number, to: number) =>
    join(folder, group, `${pad(from)}-${pad(to)}.seg`);
  const add = (group: string, segment: Segment, instead: readonly Segment[] = []) => {
    const rest = (groups.get(group) ?? []).filter((s) => !instead.includes(s));
    groups.set(
      group,
      [...rest, segment].sort((a, b) => a.minSequence - b.minSequence),
    );
  };

  async function load(group: string): Promise<void> {
    if (!policy.keepsGroup(group)) return rm(join(folder, group), { recursive: true, force: true });
    const found: Segment[] = [];
    for (const name of await readdir(join(folder, group))) {
      const file = join(folder, group, name);
      if (!NAME.test(name)) {
        if (name.endsWith(".new")) await rm(file, { force: true });
        continue;
      }
      try {
        const { segment, index } = await openSegment(file);
        found.push(segment);
        for (const stream of index.streams) summaries.add(stream.id, stream);
      } catch (error) {
        logger.error("A segment of logs cannot be read and is left aside", {
          file,
          reason: messageOf(error),
        });
      }
    }
    // A merge that was cut short left its parts beside the whole.
    const whole = (s: Segment) =>
      !found.some((o) => o !== s && o.minSequence <= s.minSequence && o.maxSequence >= s.maxSequence);
    for (const part of found.filter((s) => !whole(s))) await rm(part.file, { force: true });
    for (const segment of found.filter(whole)) add(group, segment);
  }

  async function merge(group: string, parts: readonly Segment[], stop: () => boolean): Promise<void> {
    const minSequence = parts[0]?.minSequence ?? 0;
    const maxSequence = parts.at(-1)?.maxSequence ?? 0;
    const file = fileOf(group, minSequence, maxSequence);
    const opened = await Promise.all(
      parts.map(async (part) => ({ file: part.file, index: (await openSegment(part.file)).index })),
    );
    const streams = new Set(opened.flatMap(({ index }) => index.streams.map((s) => s.id)));
    const writer = await createSegmentWriter(file);
    try {
      for (const stream of streams) {
        if (!policy.keepsStream({ group, stream })) continue;
        const runs = opened.flatMap((o) => segmentRuns(o.file, o.index, new Set([stream])));
        let beyond: Position | undefined;
        for (let complete = false; !complete;) {
          if (stop()) return await writer.abort();
          const page = await readRuns(runs, {
            direction: "forward",
            from: policy.keptFrom(group),
            to: Infinity,
            beyond,
            maxEvents: MERGE_PAGE,
            maxBytes: Infinity,
          });
          await writer.add(stream, page.events);
          ({ complete, reached: beyond } = page);
        }
      }
      if (await writer.finish({ minSequence, maxSequence }))
        add(group, (await openSegment(file)).segment, parts);
      else
        groups.set(
          group,
          (groups.get(group) ?? []).filter((s) => !parts.includes(s)),
        );
    } catch (error) {
      await writer.abort();
      throw error;
    }
    await remove(parts);
  }

  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await load(entry.name);

  return {
    async runs(group, streams, { from, to }) {
      readers++;
      const release = () => {
        readers--;
        removeLeaving().catch((error: unknown) =>
          logger.warn("Old segments of logs could not be removed", { reason: messageOf(error) }),
        );
      };
      try {
        const touched = (groups.get(group) ?? []).filter(
          (s) => s.lastTimestamp >= from && s.firstTimestamp < to,
        );
        const runs: Run[] = [];
        for (const segment of touched)
          runs.push(...segmentRuns(segment.file, await indexes.of(segment), streams));
        return { runs, release };
      } catch (error) {
        release();
        throw error;
      }
    },
    flushedTo: (group) => (groups.get(group) ?? []).reduce((top, s) => Math.max(top, s.maxSequence), 0),
    highestSequence: () => [...groups.values()].flat().reduce((top, s) => Math.max(top, s.maxSequence), 0),
    bytesOf: (group) => (groups.get(group) ?? []).reduce((sum, s) => sum + s.bytes, 0),

    async flush(table) {
      for (const group of table.groups()) {
        const streams = [...table.streams(group)].filter((stream) => policy.keepsStream({ group, stream }));
        const flushed = (groups.get(group) ?? []).reduce((top, s) => Math.max(top, s.maxSequence), 0);
        let minSequence = Infinity;
        let maxSequence = 0;
        for (const stream of streams)
          for (const { sequence } of table.events(group, stream)) {
            minSequence = Math.min(minSequence, sequence);
            maxSequence = Math.max(maxSequence, sequence);
          }
        // Nothing of it is kept, or an attempt before this one came so far.
        if (maxSequence <= flushed) continue;
        await mkdir(join(folder, group), { recursive: true, mode: 0o700 });
        await syncFolder(folder);
        const file = fileOf(group, minSequence, maxSequence);
        const writer = await createSegmentWriter(file);
        try {
          for (const stream of streams) await writer.add(stream, table.events(group, stream));
          await writer.finish({ minSequence, maxSequence });
        } catch (error) {
          await writer.abort();
          throw error;
        }
        add(group, (await openSegment(file)).segment);
      }
    },

    async tidy(stop) {
      for (const [group, segments] of groups) {
        if (stop()) return;
        if (!policy.keepsGroup(group)) {
          groups.delete(group);
          await remove(segments);
          if (readers === 0) await rm(join(folder, group), { recursive: true, force: true });
          continue;
        }
        const cutoff = policy.keptFrom(group);
        const expired = segments.filter((s) => s.lastTimestamp < cutoff);
        if (expired.length > 0) {
          groups.set(
            group,
            segments.filter((s) => !expired.includes(s)),
          );
          await remove(expired);
        }
        for (;;) {
          const parts = chooseMerge(groups.get(group) ?? []);
          if (parts === undefined || stop()) break;
          await merge(group, parts, stop);
        }
      }
    },
  };
}

const pad = (sequence: number): string => String(sequence).padStart(16, "0");
