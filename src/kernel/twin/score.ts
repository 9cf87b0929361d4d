/**
 * Scores, obviously. Those of numbers: sums in float64, then rounded to float32 as every score is. Where the native kernel rounds between
 * its last steps (lengths, their product, the quotient) so does this, so that both agree exactly whenever the sums are exact.
 * Those of bits: counts, and quotients of counts rounded once.
 */

import { assert } from "../../base/assert.ts";
import { Metric } from "../../model/types.ts";
import type { ExactSearch } from "../kernel.ts";
import { numbersOf, valuesPerRow } from "../layout.ts";
import type { RowLayout, RowValues } from "../layout.ts";

/** Of MHJACCARD, as in `ExactSearch`. */
type Hashes = Pick<ExactSearch, "hashBits" | "bands">;

/** The score of a row for one query; NaN where the row is no hit. */
export type Score = (rows: RowValues, row: number) => number;

export function scorer(
  metric: Metric,
  layout: RowLayout,
  queries: RowValues,
  query: number,
  hashes: Hashes = {},
): Score {
  const { element } = layout;
  const length = valuesPerRow(layout);
  const asked = queries.subarray(query * length, (query + 1) * length);
  if (element === "binary") {
    return (rows, row) => {
      const looked = rows.subarray(row * length, (row + 1) * length);
      assert(asked instanceof Uint8Array && looked instanceof Uint8Array, "binary rows are bytes");
      return scoreOfBits(metric, asked, looked, hashes);
    };
  }
  const numbers = numbersOf(element, asked);
  return (rows, row) =>
    scoreOfNumbers(metric, numbers, numbersOf(element, rows.subarray(row * length, (row + 1) * length)));
}

/** `query` and `row` are numbers of rows in `queries` and `rows`. */
export function scoreOf(
  metric: Metric,
  layout: RowLayout,
  queries: RowValues,
  query: number,
  rows: RowValues,
  row: number,
  hashes: Hashes = {},
): number {
  return scorer(metric, layout, queries, query, hashes)(rows, row);
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

function scoreOfBits(metric: Metric, query: Uint8Array, row: Uint8Array, { hashBits = 8, bands }: Hashes): number {
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
      if (bands !== undefined) return sharesBand(query, row, hashBytes, bands) ? 1 : Number.NaN;
      let equal = 0;
      for (let start = 0; start < row.length; start += hashBytes) {
        const hash = row.subarray(start, start + hashBytes);
        if (hash.every((byte, at) => byte === query[start + at])) equal += 1;
      }
      return equal === 0 ? Number.NaN : Math.fround(equal / (row.length / hashBytes));
    }
  }
}

function sharesBand(query: Uint8Array, row: Uint8Array, hashBytes: number, bands: number): boolean {
  const bytes = Math.floor(row.length / hashBytes / bands) * hashBytes;
  for (let start = 0; start < bands * bytes; start += bytes) {
    if (row.subarray(start, start + bytes).every((byte, at) => byte === query[start + at])) return true;
  }
  return false;
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

function countBits(query: Uint8Array, row: Uint8Array, combine: (a: number, b: number) => number): number {
  let count = 0;
  for (let at = 0; at < row.length; at += 1) count += ONES[combine(query[at]!, row[at]!) & 0xff]!;
  return count;
}
