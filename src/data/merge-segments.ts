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

import type { SegmentInfo, TimesSummary } from "../model/catalog.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { physicalMilliseconds } from "../base/timestamp.ts";
import { expiredUntil, timeToLiveField, truncatedUntil } from "../model/expiry.ts";
import { TimesSampler, writeExpiryTimes } from "../model/expiry-times.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { DataType, SegmentLevel, SegmentState } from "../model/types.ts";
import type { MergeResult, MergeTask } from "../rpc/data-service.ts";
import { COORDINATOR, type CoordinatorService } from "../rpc/services.ts";
import { absentColumn } from "../segment/absent-column.ts";
import { DeleteTimes, halvesOf } from "../segment/delete-times.ts";
import { hideInSlices } from "../segment/hide-by-key.ts";
import { keyReader } from "../segment/key-reader.ts";
import { corruptFile } from "../storage/checked-read.ts";
import type { Deltas } from "../storage/deltas.ts";
import { manifestKey } from "../storage/keys.ts";
import { deltaSummaries, type SegmentManifest, segmentBytes } from "../storage/manifest.ts";
import { openSegmentFiles, type SegmentFiles } from "../storage/segment-reader.ts";
import { Pace } from "../storage/pace.ts";
import { writeSegment } from "../storage/segment-writer.ts";
import type { DataNodeOptions, Running } from "./context.ts";
import { type MergedRows, mergeRows } from "./merge-rows.ts";
import { mergedDeltas, mergedSource, type Parent } from "./merge-source.ts";

/** Rows looked at between two looks at the clock. */
const PACED_ROWS = 2_048;

export async function mergeSegments(task: MergeTask, options: DataNodeOptions, running: Running): Promise<MergeResult> {
  const { objects, runtime, transport } = options;
  const { collection, segments, safeTimestamp, segmentId } = task;
  const { schema } = collection;
  const coordinator = transport.client<CoordinatorService>(COORDINATOR);
  const parents = await openParents(task, options, running);
  const horizon = {
    safeTimestamp,
    expiredUntil: expiredUntil(collection, safeTimestamp),
    expiredMicroseconds: BigInt(physicalMilliseconds(safeTimestamp)) * 1_000n,
    truncatedUntil: truncatedUntil(collection),
  };
  const merged = await mergeRows(parents, horizon, runtime);
  const readableFrom = latest([merged.readableFrom, ...segments.map((segment) => segment.readableFrom ?? 0n)]);
  if (merged.rows.length === 0) return { kind: "merge", segment: null, readableFrom };

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
  const times = await summarizeTimes(parents, merged, runtime);
  return { kind: "merge", segment: { ...infoOf(manifest, segments), readableFrom, times }, readableFrom };
}

async function openParents(task: MergeTask, options: DataNodeOptions, running: Running): Promise<Parent[]> {
  const { objects, runtime } = options;
  const expiryFieldId = timeToLiveField(task.collection)?.fieldId ?? null;
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
    const ownTimes = await readTimes(files, task.collection.schema);
    const expires = expiryFieldId === null ? null : ownTimes.get(expiryFieldId)!;
    const deletes = times.times(keys.rowCount);
    parents.push({ files, keyColumn, keys, inserts, rowIds, deletes, expires, times: ownTimes });
  }
  return parents;
}

async function summarizeTimes(
  parents: readonly Parent[],
  { segments, rows }: MergedRows,
  runtime: Runtime,
): Promise<TimesSummary[]> {
  const pace = new Pace(runtime);
  const summaries: TimesSummary[] = [];
  for (const fieldId of parents[0]!.times.keys()) {
    const times = parents.map((parent) => parent.times.get(fieldId)!);
    const sampler = new TimesSampler(fieldId, rows.length);
    for (let row = 0; row < rows.length; row += 1) {
      if (row % PACED_ROWS === 0) await pace.pause();
      sampler.add(row, times[segments[row]!]![rows[row]!]!);
    }
    summaries.push(sampler.summary());
  }
  return summaries;
}

async function readTimes(files: SegmentFiles, { fields }: CollectionSchema): Promise<Map<bigint, BigUint64Array>> {
  const { manifest } = files;
  const times = new Map<bigint, BigUint64Array>();
  for (const field of fields.filter(({ dataType }) => dataType === DataType.Timestamptz)) {
    const isWritten = manifest.fields.some(({ fieldId }) => fieldId === field.fieldId);
    const column = isWritten ? await files.readScalar(field.fieldId) : absentColumn(field, manifest.rowCount);
    const own = new BigUint64Array(manifest.rowCount);
    writeExpiryTimes(column, own, 0);
    times.set(field.fieldId, own);
  }
  return times;
}

function infoOf(manifest: SegmentManifest, segments: readonly SegmentInfo[]): SegmentInfo {
  const { segmentId, collectionId, partitionId, channel, level, rowCount, timestampFrom, timestampTo } = manifest;
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
    compactedFrom: segments.map((parent) => parent.segmentId),
  };
}

function latest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most), 0n);
}

/** Of positions in the log. */
function first(positions: readonly string[]): string {
  return positions.reduce((least, position) => (BigInt(position) < BigInt(least) ? position : least));
}

function last(positions: readonly string[]): string {
  return positions.reduce((most, position) => (BigInt(position) > BigInt(most) ? position : most));
}
