/** Sealed segments of one vector field, and indexes over it, for tests. */

import { SystemRuntime } from "../../base/host/system.ts";
import { familyOf } from "../../index/families.ts";
import type { IndexParams } from "../../index/family.ts";
import type { IndexKernel } from "../../kernel/index-kernel.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { DataType, type Metric } from "../../model/types.ts";
import { segmentFiles } from "../../storage/segment-reader.ts";
import { writeSegment } from "../../storage/segment-writer.ts";
import { MapStore } from "../../storage/testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../../storage/testing/random-segment.ts";
import { SealedSegment } from "../sealed.ts";
import { SegmentIndex } from "../segment-index.ts";

export const VECTOR = 101n;

/** Row r has the key r / `versions`, rounded down, and a later timestamp than the rows of the key before. */
export async function sealedVectors(
  kernel: Kernel,
  values: Float32Array,
  dimension: number,
  versions = 1,
): Promise<SealedSegment> {
  const rowCount = values.length / dimension;
  const key = fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true });
  const vector = fieldSchema({ fieldId: VECTOR, dataType: DataType.FloatVector, dimension });
  const schema = collectionSchema([key, vector]);
  const store = new MapStore();
  const keys = Array.from({ length: rowCount }, (_, row) => BigInt(Math.floor(row / versions)));
  const runtime = new SystemRuntime();
  const manifest = await writeSegment(store, runtime, descriptorOf(schema), {
    rowCount,
    timestamps: BigUint64Array.from({ length: rowCount }, (_, row) => 10n + BigInt(row % versions)),
    rowIds: BigInt64Array.from({ length: rowCount }, (_, row) => BigInt(row)),
    column: async (fieldId) =>
      fieldId === VECTOR
        ? { kind: "vector", type: DataType.FloatVector, dimension, values, valid: null }
        : int64Keys(keys),
  });
  const files = segmentFiles(store, runtime, manifest);
  return SealedSegment.load(files, { schema, kernel, runtime, fieldIds: null, deltas: [] });
}

export interface IndexShape {
  readonly indexType: string;
  readonly params: IndexParams;
  readonly metric: Metric;
  readonly dimension: number;
  /** Whether there is room for the larger layout. */
  readonly isRoomy?: boolean;
  readonly version: bigint;
  readonly path: string;
}

export async function adoptIndex(segment: SealedSegment, builder: IndexKernel, shape: IndexShape): Promise<void> {
  const { indexType, params, metric, dimension, isRoomy = false, version, path } = shape;
  const family = familyOf(indexType, DataType.FloatVector, metric)!;
  await segment.adoptIndex(VECTOR, async (rows) => {
    const built = family.build(indexType, params, dimension, isRoomy);
    const { rowCount } = segment;
    await builder.buildIndex({ rows, rowCount, metric, seed: Number(version), path, ...built }).done;
    const facts = { segmentId: 1n, indexId: 1n, buildId: 1n, version, indexType, params, family, recall: [] };
    return SegmentIndex.open(facts, builder, path, rows);
  });
}
