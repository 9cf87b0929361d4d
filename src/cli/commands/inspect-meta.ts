/** `elanus inspect meta`, `segments`, `segment`, `channels`: what the metadata of a data directory say. No server may have it open. */

import { resolve } from "node:path";
import { invalidParameter } from "../../base/errors.ts";
import { type OfflineDirectory, lookInto } from "../../engine/offline.ts";
import type { SegmentInfo } from "../../model/catalog.ts";
import { SegmentLevel, SegmentState } from "../../model/types.ts";
import { readManifest } from "../../storage/manifest-file.ts";
import type { Command, Invocation } from "../command.ts";
import { writeFacts } from "../facts.ts";
import { EXIT } from "../failure.ts";

const DATA_OPTION = { kind: "text", value: "directory", default: "./data", help: "The data directory" } as const;
const OPTIONS = { data: DATA_OPTION, json: { kind: "flag", help: "Print one JSON object a line" } } as const;

export const inspectMeta: Command = {
  name: "inspect meta",
  summary: "Print every entry of the metadata",
  options: OPTIONS,
  run: (invocation) =>
    looking(invocation, async ({ entries }) =>
      entries.map(({ key, value, modRevision }) => {
        const text = Buffer.from(value).toString("utf8");
        return { key, modRevision, value: text };
      }),
    ),
};

export const inspectSegments: Command = {
  name: "inspect segments",
  summary: "List the flushed segments: {segment_id, state, flush_ts} and more",
  options: OPTIONS,
  run: (invocation) => looking(invocation, async (offline) => allSegments(offline).map(segmentLine)),
};

export const inspectSegment: Command = {
  name: "inspect segment",
  summary: "Print the manifest of a flushed segment",
  positionals: ["segment id"],
  options: OPTIONS,
  run: (invocation) =>
    looking(invocation, async (offline) => {
      const wanted = invocation.positionals[0]!;
      const segment = allSegments(offline).find(({ segmentId }) => segmentId.toString() === wanted);
      if (segment === undefined)
        throw invalidParameter(`there is no flushed segment ${wanted}; elanus inspect segments lists them`);
      const { groups, statistics, deltas, ...manifest } = await readManifest(offline.objects, segment.manifestKey);
      return [
        { ...segmentLine(segment), ...manifest },
        ...groups.map(({ groupId, timestampFrom, timestampTo, file }) => ({
          group: groupId,
          fields: file.fieldIds,
          LogSize: file.bytes,
          LogPath: file.key,
          EntriesNum: file.rowCount,
          TimestampFrom: timestampFrom,
          TimestampTo: timestampTo,
        })),
        ...statistics.map(({ fieldId, file }) => ({ statistics: fieldId, LogSize: file.bytes, LogPath: file.key })),
        ...deltas.map(({ file, timestampFrom, timestampTo }) => ({
          deltas: file.rowCount,
          LogSize: file.bytes,
          LogPath: file.key,
          TimestampFrom: timestampFrom,
          TimestampTo: timestampTo,
        })),
      ];
    }),
};

export const inspectChannels: Command = {
  name: "inspect channels",
  summary: "List the shards of every collection and how far their deletes are flushed",
  options: OPTIONS,
  run: (invocation) =>
    looking(invocation, async ({ catalog }) =>
      catalog.collections().flatMap((collection) =>
        collection.virtualChannels.map((channel) => ({
          channel,
          collection: collection.schema.name,
          database: collection.databaseName,
          deletes_flushed_ts: catalog.deletesFlushed(channel),
          segments: catalog.segments(collection.collectionId).filter((segment) => segment.insertChannel === channel)
            .length,
        })),
      ),
    ),
};

function allSegments({ catalog }: OfflineDirectory): SegmentInfo[] {
  return catalog.collections().flatMap((collection) => catalog.segments(collection.collectionId));
}

function segmentLine(segment: SegmentInfo): Record<string, unknown> {
  return {
    segment_id: segment.segmentId,
    state: nameOf(SegmentState, segment.state),
    flush_ts: segment.flushTimestamp,
    level: nameOf(SegmentLevel, segment.level),
    collection_id: segment.collectionId,
    partition_id: segment.partitionId,
    channel: segment.insertChannel,
    rows: segment.rowCount,
    bytes: segment.sizeBytes,
    storage_version: segment.storageVersion,
    manifest: segment.manifestKey,
  };
}

function nameOf(numbers: Readonly<Record<string, number>>, wanted: number): string {
  return Object.entries(numbers).find(([, number]) => number === wanted)?.[0] ?? String(wanted);
}

async function looking(
  invocation: Invocation,
  lines: (offline: OfflineDirectory) => Promise<readonly Record<string, unknown>[]>,
): Promise<number> {
  const { runtime } = invocation.terminal;
  for (const line of await lookInto(resolve(invocation.text("data")), runtime, lines)) writeFacts(invocation, line);
  return EXIT.done;
}
