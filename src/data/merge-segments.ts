/**
 * Merges segments of one partition and channel into one: rows in key order, without those that no read needs any more.
 *
 * Always true:
 *  - what comes out is the input less the rows that `merge-rows.ts` leaves out; timestamps, row ids and values are kept (I 10.27);
 *  - its own delete log has the deletes that hide rows of it, by the delete segments that were given; later ones come as they come to
 *    any segment, and repeating a delete changes nothing;
 *  - the files are durable, the manifest last, before the result is told; nothing is changed or removed here;
 *  - in memory: keys, timestamps and row ids of all, and of one other column at a time what `parent-column.ts` says.
 */

import type { SegmentInfo } from "../model/catalog.ts";
import { expiredUntil, truncatedUntil } from "../model/expiry.ts";
import { SegmentLevel, SegmentState } from "../model/types.ts";
import { COORDINATOR, type CoordinatorService, type MergeResult, type MergeTask } from "../rpc/services.ts";
import { DeleteTimes, halvesOf } from "../segment/delete-times.ts";
import { hideInSlices } from "../segment/hide-by-key.ts";
import { keyReader } from "../segment/key-reader.ts";
import { corruptFile } from "../storage/checked-read.ts";
import type { Deltas } from "../storage/deltas.ts";
import { manifestKey } from "../storage/keys.ts";
import { deltaSummaries, type SegmentManifest, segmentBytes } from "../storage/manifest.ts";
import { openSegmentFiles } from "../storage/segment-reader.ts";
import { writeSegment } from "../storage/segment-writer.ts";
import type { DataNodeOptions, Running } from "./context.ts";
import { mergeRows } from "./merge-rows.ts";
import { mergedDeltas, mergedSource, type Parent } from "./merge-source.ts";

export async function mergeSegments(task: MergeTask, options: DataNodeOptions, running: Running): Promise<MergeResult> {
  const { objects, runtime, transport } = options;
  const { collection, segments, safeTimestamp, segmentId } = task;
  const { schema } = collection;
  const coordinator = transport.client<CoordinatorService>(COORDINATOR);
  const parents = await openParents(task, options, running);
  const horizon = {
    safeTimestamp,
    expiredUntil: expiredUntil(collection, safeTimestamp),
    truncatedUntil: truncatedUntil(collection),
  };
  const merged = await mergeRows(parents, horizon, runtime);
  if (merged.rows.length === 0) return { kind: "merge", segment: null };

  const scope = { schema, objects, runtime, running };
  const { source, keys } = await mergedSource(parents, merged, scope);
  const { collectionId, partitionId, insertChannel: channel } = segments[0]!;
  const manifests = parents.map(({ files }) => files.manifest);
  const manifest = await writeSegment(
    objects,
    runtime,
    {
      collectionId,
      partitionId,
      segmentId,
      channel,
      level: SegmentLevel.L1,
      state: SegmentState.Flushed,
      schema,
      manifestVersion: 1,
      startPosition: first(manifests.map(({ startPosition }) => startPosition)),
      endPosition: last(manifests.map(({ endPosition }) => endPosition)),
      deltas: await mergedDeltas(parents, merged, source, keys, safeTimestamp, scope),
      allocateLogId: async () => (await coordinator.allocateIds({ count: 1 })).first,
    },
    source,
  );
  return { kind: "merge", segment: infoOf(manifest, segments, merged.readableFrom) };
}

async function openParents(task: MergeTask, options: DataNodeOptions, running: Running): Promise<Parent[]> {
  const { objects, runtime } = options;
  const outside: { readonly info: SegmentInfo; readonly deltas: readonly Deltas[] }[] = [];
  for (const info of task.deltas) {
    outside.push({ info, deltas: await (await openSegmentFiles(objects, runtime, info.manifestKey)).readDeltas() });
  }
  const parents: Parent[] = [];
  for (const info of task.segments) {
    running.signal.throwIfAborted();
    const files = await openSegmentFiles(objects, runtime, info.manifestKey);
    if (!files.manifest.isSortedByKey) {
      throw corruptFile(info.manifestKey, "the rows of a segment are sorted by key, and these are not");
    }
    const { keys: keyColumn, timestamps: inserts, rowIds } = await files.readSystem();
    const keys = keyReader(keyColumn);
    const times = new DeleteTimes();
    const concerning = outside.filter((delta) => delta.info.timestampTo > info.timestampFrom);
    for (const deltas of [...(await files.readDeltas()), ...concerning.flatMap((delta) => delta.deltas)]) {
      await hideInSlices(keys, halvesOf(inserts), times, deltas, runtime);
    }
    parents.push({ files, keyColumn, keys, inserts, rowIds, deletes: times.times(keys.rowCount) });
  }
  return parents;
}

function infoOf(manifest: SegmentManifest, segments: readonly SegmentInfo[], droppedUntil: bigint): SegmentInfo {
  const { segmentId, collectionId, partitionId, channel, level, rowCount, timestampFrom, timestampTo } = manifest;
  const latest = (values: readonly bigint[]): bigint =>
    values.reduce((most, value) => (value > most ? value : most), 0n);
  return {
    segmentId,
    collectionId,
    partitionId,
    insertChannel: channel,
    state: SegmentState.Flushed,
    level,
    rowCount,
    storageVersion: segments[0]!.storageVersion,
    manifestKey: manifestKey(manifest, manifest.manifestVersion),
    timestampFrom,
    timestampTo,
    flushTimestamp: latest(segments.map(({ flushTimestamp }) => flushTimestamp)),
    sizeBytes: segmentBytes(manifest).stored,
    deltas: deltaSummaries(manifest),
    readableFrom: latest([droppedUntil, ...segments.map(({ readableFrom = 0n }) => readableFrom)]),
    compactedFrom: segments.map((parent) => parent.segmentId),
  };
}

/** Of positions in the log. */
function first(positions: readonly string[]): string {
  return positions.reduce((least, position) => (BigInt(position) < BigInt(least) ? position : least));
}

function last(positions: readonly string[]): string {
  return positions.reduce((most, position) => (BigInt(position) > BigInt(most) ? position : most));
}
