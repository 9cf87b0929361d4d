/**
 * Gives the deletes of L0 segments to the segments that may have the rows: to each a delete log of its own and a new version of its
 * manifest.
 *
 * Always true:
 *  - a segment gets every delete that may hide one of its rows: of those that are later than its first row, all whose key its bloom filter
 *    does not deny (it denies no key that is there). One too many is harmless;
 *  - the new manifests count only once the metadata name them; what a broken try left behind is passed over, never written over.
 */

import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import { type KeyColumn, columnRows, concatColumns, takeRows } from "../model/columns.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { SpreadResult, SpreadTask } from "../rpc/data-service.ts";
import { COORDINATOR, type CoordinatorService } from "../rpc/services.ts";
import { type Deltas, writeDeltas } from "../storage/deltas.ts";
import { keyRows } from "../storage/key-rows.ts";
import { deltaLogKey, manifestKey } from "../storage/keys.ts";
import { deltaSummaries, type SegmentManifest, segmentBytes, withDeltas } from "../storage/manifest.ts";
import { publishManifest } from "../storage/manifest-file.ts";
import { Pace } from "../storage/pace.ts";
import { openSegmentFiles, type SegmentFiles } from "../storage/segment-reader.ts";
import { primaryKeyField } from "../model/schema.ts";
import type { DataNodeOptions, Running } from "./context.ts";

const KEYS_A_STEP = 2_048;

export async function spreadDeletes(
  task: SpreadTask,
  options: DataNodeOptions,
  running: Running,
): Promise<SpreadResult> {
  const { objects, runtime, transport } = options;
  const coordinator = transport.client<CoordinatorService>(COORDINATOR);
  const keyFieldId = primaryKeyField(task.collection.schema).fieldId;
  /** By the partition that they concern; -1: all. */
  const byPartition = new Map<bigint, Deltas>();
  for (const [partitionId, infos] of Map.groupBy(task.deltas, (info) => info.partitionId)) {
    const read: Deltas[] = [];
    for (const info of infos) {
      read.push(...(await (await openSegmentFiles(objects, runtime, info.manifestKey)).readDeltas()));
    }
    if (read.length > 0) byPartition.set(partitionId, joinDeltas(read));
  }
  const changed: SegmentInfo[] = [];
  for (const [at, info] of task.segments.entries()) {
    running.signal.throwIfAborted();
    running.progress = () => at / task.segments.length;
    const files = await openSegmentFiles(objects, runtime, info.manifestKey);
    const concerning: Deltas[] = [];
    for (const [partitionId, deltas] of byPartition) {
      if (partitionId !== -1n && partitionId !== info.partitionId) continue;
      const found = await deletesFor(files, info.timestampFrom, deltas, runtime);
      if (found !== null) concerning.push(found);
    }
    if (concerning.length === 0) continue;
    const logId = (await coordinator.allocateIds({ count: 1 })).first;
    const target = { key: deltaLogKey(info, logId), logId, keyFieldId };
    const delta = await writeDeltas(objects, runtime, target, joinDeltas(concerning));
    const manifest = await publishNext(objects, withDeltas(files.manifest, delta));
    changed.push({
      ...info,
      manifestKey: manifestKey(manifest, manifest.manifestVersion),
      sizeBytes: segmentBytes(manifest).stored,
      deltas: deltaSummaries(manifest),
    });
  }
  return { kind: "spread", segments: changed };
}

async function deletesFor(
  files: SegmentFiles,
  earliestInsert: Timestamp,
  deltas: Deltas,
  runtime: Runtime,
): Promise<Deltas | null> {
  const { bloom } = await files.readStatistics();
  const keys = keyRows(deltas.keys);
  const pace = new Pace(runtime);
  const chosen: number[] = [];
  for (let start = 0; start < keys.rowCount; start += KEYS_A_STEP) {
    const end = Math.min(keys.rowCount, start + KEYS_A_STEP);
    for (let row = start; row < end; row += 1) {
      if (keys.mayBeIn(bloom, row) && deltas.timestamps[row]! > earliestInsert) chosen.push(row);
    }
    await pace.pause();
  }
  return chosen.length === 0 ? null : takeDeltas(deltas, Uint32Array.from(chosen));
}

/** The first version from this one on that nobody has published. */
async function publishNext(objects: ObjectStore, manifest: SegmentManifest): Promise<SegmentManifest> {
  let next = manifest;
  while ((await objects.head(manifestKey(next, next.manifestVersion))) !== null) {
    next = { ...next, manifestVersion: next.manifestVersion + 1 };
  }
  await publishManifest(objects, next);
  return next;
}

function joinDeltas(parts: readonly Deltas[]): Deltas {
  const keys = concatColumns(parts.map((part) => part.keys)) as KeyColumn;
  const timestamps = new BigUint64Array(columnRows(keys));
  const upperBounds = new BigUint64Array(columnRows(keys));
  let at = 0;
  for (const part of parts) {
    timestamps.set(part.timestamps, at);
    upperBounds.set(part.upperBounds ?? part.timestamps, at);
    at += part.timestamps.length;
  }
  return { keys, timestamps, upperBounds };
}

function takeDeltas({ keys, timestamps, upperBounds }: Deltas, rows: Uint32Array): Deltas {
  return {
    keys: takeRows(keys, rows) as KeyColumn,
    timestamps: BigUint64Array.from(rows, (row) => timestamps[row]!),
    upperBounds: upperBounds === null ? null : BigUint64Array.from(rows, (row) => upperBounds[row]!),
  };
}
