/**
 * Carries out a plan on several segments and merges what they answer: for growing segments at the delegator, for sealed ones at the
 * query node. An empty list of segments is a valid question with an empty answer.
 */

import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type FilterPlan, planFilter } from "../expr/plan.ts";
import {
  type Column,
  type ColumnBatch,
  type VectorColumn,
  bytesColumn,
  emptyArrays,
  fixedValues,
  isBytesType,
} from "../model/columns.ts";
import { NOTHING_EXPIRED } from "../model/expiry.ts";
import type { Filter } from "../model/filter.ts";
import type { HitPlaces, Hits, RetrievePlan, SearchPlan, VectorPlan } from "../model/plan.ts";
import { type CollectionSchema, ROW_ID_FIELD, TIMESTAMP_FIELD, primaryKeyField } from "../model/schema.ts";
import { DataType, isArrayType } from "../model/types.ts";
import { isDenseVectorType, vectorValues } from "../model/vectors.ts";
import { countSegment, pauseOf, retrieveSegment, searchSegment } from "../segment/execute.ts";
import { missingField } from "../segment/missing-field.ts";
import type { Segment } from "../segment/segment.ts";
import { placesOf, scatterRows, segmentsOf } from "./places.ts";
import { emptyHits, reduceHits, reduceRows } from "./reduce.ts";

export async function searchRows(
  segments: readonly Segment[],
  plan: SearchPlan,
  schema: CollectionSchema,
  timestamp: Timestamp,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Hits> {
  const filter = compiled(plan.filter);
  const { vector, expiry = NOTHING_EXPIRED } = plan;
  const lists = await Promise.all(
    segments.map((segment) =>
      searchSegment(segment, { search: vector, filter, timestamp, expiry }, { runtime, signal }),
    ),
  );
  if (lists.length === 0) return emptyHits(vector.queryCount, primaryKeyField(schema).dataType);
  return lists.length === 1 ? lists[0]! : mergeHits(lists, vector, runtime, signal);
}

export async function retrieveRows(
  segments: readonly Segment[],
  plan: RetrievePlan,
  schema: CollectionSchema,
  timestamp: Timestamp,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<ColumnBatch> {
  const { fieldIds, keys, limit, expiry = NOTHING_EXPIRED } = plan;
  const filter = compiled(plan.filter);
  const batches = await Promise.all(
    segments.map((segment) =>
      retrieveSegment(segment, { filter, keys, timestamp, expiry, limit, fieldIds }, { runtime, signal }),
    ),
  );
  const key = primaryKeyField(schema).fieldId;
  if (batches.length === 0) return emptyBatch(schema, [...new Set([...fieldIds, key, TIMESTAMP_FIELD])]);
  return batches.length === 1 ? batches[0]! : mergeRows(batches, key, limit, runtime, signal);
}

export async function countRows(
  segments: readonly Segment[],
  plan: RetrievePlan,
  timestamp: Timestamp,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<number> {
  const { expiry = NOTHING_EXPIRED } = plan;
  const filter = compiled(plan.filter);
  const counts = await Promise.all(
    segments.map((segment) =>
      countSegment(segment, { filter, keys: plan.keys, timestamp, expiry }, { runtime, signal }),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Fields of rows by place, in the order of the places; every segment that is named must be there. */
export async function fetchRows(
  segments: ReadonlyMap<bigint, Segment>,
  places: HitPlaces,
  fieldIds: readonly bigint[],
  schema: CollectionSchema,
  runtime: Runtime,
): Promise<ColumnBatch> {
  const ids = segmentsOf(places.segmentIds);
  if (ids.length === 0) return emptyBatch(schema, fieldIds);
  const parts = await Promise.all(
    ids.map(async (segmentId) => {
      const segment = segments.get(segmentId);
      if (segment === undefined) throw milvusError("SegmentNotLoaded", "", { segment: segmentId });
      const part = placesOf(places, (candidate) => candidate === segmentId);
      return { positions: part.positions, batch: await segment.take(fieldIds, part.places.rows, pauseOf({ runtime })) };
    }),
  );
  return ids.length === 1 ? parts[0]!.batch : scatterRows(parts, pauseOf({ runtime }));
}

export async function mergeHits(
  lists: readonly Hits[],
  vector: VectorPlan,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Hits> {
  const merged = await reduceHits(lists, vector.metric, { offset: 0, limit: vector.k }, runtime, signal);
  if (vector.explain !== true) return merged;
  return { ...merged, explanations: lists.flatMap(({ explanations }) => explanations ?? []) };
}

export function mergeRows(
  batches: readonly ColumnBatch[],
  keyFieldId: bigint,
  limit: number | null,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<ColumnBatch> {
  return reduceRows(batches, keyFieldId, { offset: 0, limit }, runtime, signal);
}

/** No rows, but the columns that a reader expects. */
export function emptyBatch(schema: CollectionSchema, fieldIds: readonly bigint[]): ColumnBatch {
  const columns = new Map<bigint, Column>();
  for (const fieldId of fieldIds) columns.set(fieldId, emptyColumn(schema, fieldId));
  return { rowCount: 0, columns };
}

function emptyColumn(schema: CollectionSchema, fieldId: bigint): Column {
  if (fieldId === ROW_ID_FIELD || fieldId === TIMESTAMP_FIELD) {
    return { kind: "fixed", type: DataType.Int64, values: new BigInt64Array(0), valid: null };
  }
  const field = schema.fields.find((candidate) => candidate.fieldId === fieldId);
  if (field === undefined) throw missingField(fieldId);
  const { dataType, dimension } = field;
  if (isDenseVectorType(dataType)) {
    const column: VectorColumn = {
      kind: "vector",
      type: dataType,
      dimension,
      values: vectorValues(dataType, 0),
      valid: null,
    };
    return column;
  }
  if (isBytesType(dataType)) return bytesColumn(dataType, []);
  if (isArrayType(dataType)) return emptyArrays(field, 0, null);
  return { kind: "fixed", type: dataType, values: fixedValues(dataType, 0), valid: null };
}

function compiled(filter: Filter | null): FilterPlan | null {
  return filter === null ? null : planFilter(filter);
}
