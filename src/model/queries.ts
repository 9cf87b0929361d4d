/**
 * What a vector search asks for: dense vectors end to end in the array of their type, the entries of sparse ones, or lists of dense ones.
 *
 * Always true: dense queries are equally long, so their number and the length of the array say where each is.
 */

import { assert } from "../base/assert.ts";
import { type ArrayColumn, type BytesColumn, takeRows } from "./columns.ts";
import type { VectorValues } from "./vectors.ts";

export type QueryVectors = VectorValues | BytesColumn | ArrayColumn;

export function isSparseQueries(queries: QueryVectors): queries is BytesColumn {
  return !ArrayBuffer.isView(queries) && queries.kind === "bytes";
}

export function isListQueries(queries: QueryVectors): queries is ArrayColumn {
  return !ArrayBuffer.isView(queries) && queries.kind === "array";
}

/** Those of these numbers, in that order; `queryCount` says how many `queries` are. */
export function chosenQueries(queries: QueryVectors, queryCount: number, numbers: readonly number[]): QueryVectors {
  if (!ArrayBuffer.isView(queries)) return takeRows(queries, Uint32Array.from(numbers)) as BytesColumn | ArrayColumn;
  const stride = strideOf(queries, queryCount);
  const make = queries.constructor as new (length: number) => VectorValues;
  const chosen = new make(numbers.length * stride);
  for (const [at, number] of numbers.entries()) {
    chosen.set(queries.subarray(number * stride, (number + 1) * stride), at * stride);
  }
  return chosen;
}

/** Queries `[from, to)`; dense ones are a view. */
export function queryRange(queries: QueryVectors, queryCount: number, from: number, to: number): QueryVectors {
  if (!ArrayBuffer.isView(queries)) {
    return takeRows(
      queries,
      Uint32Array.from({ length: to - from }, (_, at) => from + at),
    ) as BytesColumn | ArrayColumn;
  }
  const stride = strideOf(queries, queryCount);
  return queries.subarray(from * stride, to * stride);
}

function strideOf(queries: VectorValues, queryCount: number): number {
  const stride = queries.length / queryCount;
  assert(Number.isInteger(stride), "queries are whole vectors");
  return stride;
}
