/** A flushed segment of clustered vectors, and the task that builds its index. */

import { SystemRuntime } from "../../base/host/system.ts";
import type { SegmentInfo } from "../../model/catalog.ts";
import type { FieldSchema } from "../../model/schema.ts";
import { DataType } from "../../model/types.ts";
import type { ObjectStore } from "../../objectstore/objectstore.ts";
import type { IndexTask } from "../../rpc/data-service.ts";
import { manifestKey } from "../../storage/keys.ts";
import { segmentBytes } from "../../storage/manifest.ts";
import { writeSegment } from "../../storage/segment-writer.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../../storage/testing/random-segment.ts";

export const VECTOR: FieldSchema = fieldSchema({ fieldId: 101n, dataType: DataType.FloatVector, dimension: 16 });
const KEY = fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true });

/** Numbers in [-1, 1) that look random and are the same every time. */
export function wave(rowCount: number, dimension: number): Float32Array {
  let state = 12345;
  return Float32Array.from({ length: rowCount * dimension }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export async function writeVectors(objects: ObjectStore, rowCount: number): Promise<SegmentInfo> {
  const descriptor = descriptorOf(collectionSchema([KEY, VECTOR]));
  const values = wave(rowCount, VECTOR.dimension);
  const manifest = await writeSegment(objects, new SystemRuntime(), descriptor, {
    rowCount,
    timestamps: new BigUint64Array(rowCount).fill(5n),
    rowIds: BigInt64Array.from({ length: rowCount }, (_, row) => BigInt(row)),
    column: async (fieldId) =>
      fieldId === VECTOR.fieldId
        ? { kind: "vector", type: DataType.FloatVector, dimension: VECTOR.dimension, values, valid: null }
        : int64Keys(Array.from({ length: rowCount }, (_, row) => BigInt(row))),
  });
  return {
    segmentId: manifest.segmentId,
    collectionId: manifest.collectionId,
    partitionId: manifest.partitionId,
    insertChannel: manifest.channel,
    state: manifest.state,
    level: manifest.level,
    rowCount,
    storageVersion: 2,
    manifestKey: manifestKey(manifest, manifest.manifestVersion),
    timestampFrom: manifest.timestampFrom,
    timestampTo: manifest.timestampTo,
    flushTimestamp: manifest.timestampTo,
    sizeBytes: segmentBytes(manifest).stored,
  };
}

export function indexTask(segment: SegmentInfo, changes: Partial<IndexTask> = {}): IndexTask {
  return {
    kind: "index",
    taskId: 700n,
    version: 1n,
    segment,
    field: VECTOR,
    indexType: "HNSW",
    metricType: "L2",
    params: [
      { key: "M", value: "8" },
      { key: "efConstruction", value: "40" },
    ],
    isRoomy: false,
    ...changes,
  };
}
