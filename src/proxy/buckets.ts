/**
 * Rows that a search in groups found, put into buckets in buckets.
 *
 * Always true:
 *  - buckets are in the order of their best rows, or in the order that is asked for, where equal ones stay so; of two values null is less;
 *  - the hits of a bucket are in the order that is asked for, then best first, ties by key;
 *  - nulls are neither counted by a metric of a field nor summed; a metric of no values is not told;
 *  - sums of integers are int64 that wrap, of Float, Double and scores doubles.
 */

import { assert } from "../base/assert.ts";
import type { Bucket, BucketHit, HitValue } from "../model/buckets.ts";
import { type Column, type ColumnBatch, bytesAt } from "../model/columns.ts";
import type { Hits } from "../model/plan.ts";
import { type Scalar, compareScalars, scalarAt } from "../model/scalars.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType, type Metric, isDistance } from "../model/types.ts";
import { vectorStride } from "../model/vectors.ts";
import { type CompareRows, columnOrder, jointOrder } from "../rank/row-order.ts";
import { keyReader } from "../segment/key-reader.ts";
import type { OutputField } from "./requests.ts";
import type { LevelPlan, MetricPlan, Source } from "./search-aggregation.ts";

export interface FoundRows {
  readonly hits: Hits;
  /** As they are told. */
  readonly scores: Float32Array;
  readonly metric: Metric;
  /** What the levels group by, and what their metrics and sorts read. */
  readonly batch: ColumnBatch;
  /** What a hit shows. */
  readonly shown: readonly OutputField[];
}

/** Of each query. */
export function bucketsOf(levels: readonly LevelPlan[], found: FoundRows): Bucket[][] {
  const { offsets } = found.hits;
  return Array.from({ length: offsets.length - 1 }, (_, query) => {
    const rows = Array.from({ length: offsets[query + 1]! - offsets[query]! }, (_unused, at) => offsets[query]! + at);
    return level(levels, 0, found, rows);
  });
}

function level(levels: readonly LevelPlan[], at: number, found: FoundRows, rows: readonly number[]): Bucket[] {
  const plan = levels[at];
  if (plan === undefined) return [];
  const columns = plan.fields.map((field) => columnOf(found, field));
  const groups = Map.groupBy(rows, (row) => columns.map((column) => nameOf(scalarAt(column, row))).join());
  const drafts = Array.from(groups.values(), (own) => ({
    own,
    key: columns.map((column) => scalarAt(column, own[0]!)),
    count: own.length,
    metrics: metricsOf(plan.metrics, found, own),
  }));
  const ordered = drafts.toSorted((left, right) => {
    for (const { key, isDescending } of plan.order) {
      const result = compareBuckets(key, left, right);
      if (result !== 0) return isDescending ? -result : result;
    }
    return 0;
  });
  // Hits and inner buckets are only made for those that are shown.
  return ordered.slice(0, plan.size).map(({ own, key, count, metrics }) => ({
    key: plan.fields.map(({ fieldId, name }, part) => ({ fieldId, name, value: key[part]! })),
    count,
    metrics,
    hits: plan.topHits === null ? [] : topHits(plan.topHits, found, own),
    buckets: level(levels, at + 1, found, own),
  }));
}

interface Draft {
  readonly key: readonly Scalar[];
  readonly count: number;
  readonly metrics: ReadonlyMap<string, Scalar>;
}

function compareBuckets(by: string, left: Draft, right: Draft): number {
  if (by === "_count") return left.count - right.count;
  if (by !== "_key") return compareNullable(left.metrics.get(by) ?? null, right.metrics.get(by) ?? null);
  for (const [part, value] of left.key.entries()) {
    const result = compareNullable(value, right.key[part]!);
    if (result !== 0) return result;
  }
  return 0;
}

function compareNullable(left: Scalar, right: Scalar): number {
  if (left === null || right === null) return Number(right === null) - Number(left === null);
  return compareScalars(left, right);
}

function nameOf(value: Scalar): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function columnOf({ batch }: FoundRows, { fieldId }: FieldSchema): Column {
  const column = batch.columns.get(fieldId);
  assert(column !== undefined, "the fields of an aggregation are fetched");
  return column;
}

function metricsOf(
  plans: readonly MetricPlan[],
  found: FoundRows,
  rows: readonly number[],
): Map<string, NonNullable<Scalar>> {
  const metrics = new Map<string, NonNullable<Scalar>>();
  for (const { alias, operator, source } of plans) {
    const value = metricOf(operator, valuesOf(source, found, rows));
    if (value !== null) metrics.set(alias, value);
  }
  return metrics;
}

/** Those that are there. */
function valuesOf(source: Source, found: FoundRows, rows: readonly number[]): NonNullable<Scalar>[] {
  switch (source.kind) {
    case "row":
      return rows.map(() => 1n);
    case "score":
      return rows.map((row) => found.scores[row]!);
    case "field": {
      const column = columnOf(found, source.field);
      // A count takes any type.
      if (column.kind === "vector" || column.kind === "array") {
        return rows.flatMap((row) => (column.valid?.[row] === 0 ? [] : [1n]));
      }
      return rows.map((row) => scalarAt(column, row)).filter((value) => value !== null);
    }
  }
}

function metricOf(operator: string, values: readonly NonNullable<Scalar>[]): Scalar {
  if (operator === "count") return BigInt(values.length);
  if (values.length === 0) return null;
  switch (operator) {
    case "sum":
      return typeof values[0] === "bigint"
        ? BigInt.asIntN(
            64,
            (values as bigint[]).reduce((sum, value) => sum + value, 0n),
          )
        : (values as number[]).reduce((sum, value) => sum + value, 0);
    case "avg":
      return values.reduce((sum: number, value) => sum + Number(value), 0) / values.length;
    case "min":
      return values.reduce((least, value) => (compareScalars(value, least) < 0 ? value : least));
    default:
      return values.reduce((most, value) => (compareScalars(value, most) > 0 ? value : most));
  }
}

function topHits(
  { size, sort }: NonNullable<LevelPlan["topHits"]>,
  found: FoundRows,
  rows: readonly number[],
): BucketHit[] {
  const { hits, scores, metric, shown } = found;
  const sign = isDistance(metric) ? 1 : -1;
  const byScore: CompareRows = (left, right) => scores[left]! - scores[right]!;
  const keys = keyReader(hits.keys);
  const order = jointOrder([
    ...sort.map(({ source, isDescending, nullsFirst }): CompareRows => {
      if (source.kind !== "field") return (left, right) => (isDescending ? byScore(right, left) : byScore(left, right));
      return columnOrder(columnOf(found, source.field), { isDescending, nullsFirst });
    }),
    (left, right) => sign * byScore(left, right),
    (left, right) => keys.compare(left, keys, right),
  ]);
  return rows
    .toSorted(order)
    .slice(0, size)
    .map((row) => ({
      key: scalarAt(hits.keys, row) as bigint | string,
      score: scores[row]!,
      fields: shown.map(({ fieldId, name, column }) => ({
        fieldId,
        name,
        isFloat: column.type === DataType.Float,
        value: hitValue(column, row),
      })),
    }));
}

function hitValue(column: Column, row: number): HitValue {
  if (column.valid?.[row] === 0) return null;
  switch (column.kind) {
    case "fixed":
      return scalarAt(column, row);
    case "bytes":
      return column.type === DataType.VarChar || column.type === DataType.Geometry
        ? scalarAt(column, row)
        : bytesAt(column, row).slice();
    case "vector": {
      const stride = vectorStride(column.type, column.dimension);
      const values = column.values.subarray(row * stride, (row + 1) * stride);
      return column.type === DataType.BinaryVector
        ? (values as Uint8Array).slice()
        : `[${Array.from(values).join(" ")}]`;
    }
    case "array": {
      const { offsets, elements } = column;
      const values = Array.from({ length: offsets[row + 1]! - offsets[row]! }, (_, at) =>
        String(scalarAt(elements, offsets[row]! + at)),
      );
      return `[${values.join(" ")}]`;
    }
  }
}
