/**
 * Scores, obviously: sums in float64, then rounded to float32 as every score is. Where the native kernel rounds between its last
 * steps (lengths, their product, the quotient) so does this, so that both agree exactly whenever the sums are exact.
 */

import { unreachable } from "../../base/assert.ts";
import { Metric } from "../../model/types.ts";

export function scoreOf(
  metric: Metric,
  queries: Float32Array,
  queryStart: number,
  rows: Float32Array,
  rowStart: number,
  dimension: number,
): number {
  switch (metric) {
    case Metric.L2:
      return squaredDistance(queries, queryStart, rows, rowStart, dimension);
    case Metric.IP:
      return dot(queries, queryStart, rows, rowStart, dimension);
    case Metric.COSINE: {
      const lengths = Math.fround(length(queries, queryStart, dimension) * length(rows, rowStart, dimension));
      if (lengths === 0) return 0;
      const cosine = Math.fround(dot(queries, queryStart, rows, rowStart, dimension) / lengths);
      return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
    }
    default:
      return unreachable(metric);
  }
}

function squaredDistance(a: Float32Array, aStart: number, b: Float32Array, bStart: number, dimension: number): number {
  let sum = 0;
  for (let i = 0; i < dimension; i += 1) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    sum += difference * difference;
  }
  return Math.fround(sum);
}

function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, dimension: number): number {
  let sum = 0;
  for (let i = 0; i < dimension; i += 1) sum += a[aStart + i]! * b[bStart + i]!;
  return Math.fround(sum);
}

function length(a: Float32Array, start: number, dimension: number): number {
  return Math.fround(Math.sqrt(dot(a, start, a, start, dimension)));
}
