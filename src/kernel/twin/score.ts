/**
 * Scores, obviously. Those of numbers: sums in float64, then rounded to float32 as every score is. Where the native kernel rounds between
 * its last steps (lengths, their product, the quotient) so does this, so that both agree exactly whenever the sums are exact.
 * Those of bits: counts, and quotients of counts rounded once.
 */

import { assert } from "../../base/assert.ts";
import { Metric } from "../../model/types.ts";
import type { HashBits } from "../kernel.ts";
import { numbersOf, valuesPerRow } from "../layout.ts";
import type { RowLayout, RowValues } from "../layout.ts";

/** NaN where the row is no hit. `query` and `row` are numbers of rows in `queries` and `rows`. */
export function scoreOf(
  metric: Metric,
  layout: RowLayout,
  queries: RowValues,
  query: number,
  rows: RowValues,
  row: number,
  hashBits: HashBits = 8,
): number {
  const rowOf = (values: RowValues, number: number): RowValues => {
    const length = valuesPerRow(layout);
    return values.subarray(number * length, (number + 1) * length);
  };
  const [a, b] = [rowOf(queries, query), rowOf(rows, row)];
  if (layout.element === "binary") {
    assert(a instanceof Uint8Array && b instanceof Uint8Array, "binary rows are bytes");
    return scoreOfBits(metric, a, b, hashBits);
  }
  return scoreOfNumbers(metric, numbersOf(layout.element, a), numbersOf(layout.element, b));
}

function scoreOfNumbers(metric: Metric, a: ArrayLike<number>, b: ArrayLike<number>): number {
  switch (metric) {
    case Metric.L2:
      return squaredDistance(a, b);
    case Metric.IP:
      return dot(a, b);
    default: {
      assert(metric === Metric.COSINE, "a metric of numbers");
      const lengths = Math.fround(length(a) * length(b));
      if (lengths === 0) return 0;
      const cosine = Math.fround(dot(a, b) / lengths);
      return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
    }
  }
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return Math.fround(sum);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return Math.fround(sum);
}

function length(a: ArrayLike<number>): number {
  return Math.fround(Math.sqrt(dot(a, a)));
}

function scoreOfBits(metric: Metric, query: Uint8Array, row: Uint8Array, hashBits: HashBits): number {
  switch (metric) {
    case Metric.HAMMING:
      return countBits(query, row, (a, b) => a ^ b);
    case Metric.JACCARD: {
      const shared = countBits(query, row, (a, b) => a & b);
      const all = countBits(query, row, (a, b) => a | b);
      return shared === 0 ? 1 : Math.fround((all - shared) / all);
    }
    case Metric.SUBSTRUCTURE:
      return countBits(query, row, (a, b) => a & ~b) === 0 ? 0 : Number.NaN;
    case Metric.SUPERSTRUCTURE:
      return countBits(query, row, (a, b) => b & ~a) === 0 ? 0 : Number.NaN;
    default: {
      assert(metric === Metric.MHJACCARD, "a metric of bits");
      const hashBytes = hashBits / 8;
      let equal = 0;
      for (let start = 0; start < row.length; start += hashBytes) {
        const hash = row.subarray(start, start + hashBytes);
        if (hash.every((byte, at) => byte === query[start + at])) equal += 1;
      }
      return equal === 0 ? Number.NaN : Math.fround(equal / (row.length / hashBytes));
    }
  }
}

function countBits(query: Uint8Array, row: Uint8Array, combine: (a: number, b: number) => number): number {
  let count = 0;
  for (let at = 0; at < row.length; at += 1) {
    for (let bits = combine(query[at]!, row[at]!) & 0xff; bits !== 0; bits &= bits - 1) count += 1;
  }
  return count;
}
