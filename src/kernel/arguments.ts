/**
 * The checks of every argument that both kernels make, so that they refuse the same things in the same words. Nothing is
 * read or copied before its check; C++ checks lengths once more, because there a wrong one is memory corruption.
 */

import { bitsetBytes } from "../model/bitset.ts";
import { Metric } from "../model/types.ts";
import { KernelError, MAX_DIMENSION, MAX_HITS, MAX_K, MAX_ROWS } from "./kernel.ts";
import type { ExactSearch } from "./kernel.ts";

function require(condition: boolean, text: () => string): void {
  if (!condition) throw new KernelError(text());
}

function isBound(value: number): boolean {
  return typeof value === "number" && !Number.isNaN(value);
}

function isCount(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

export function checkDimension(dimension: number): void {
  require(isCount(dimension, MAX_DIMENSION) && dimension >= 1, () =>
    `dimension ${dimension} is not in 1..${MAX_DIMENSION}`);
}

export function checkHandle(rows: number): void {
  require(isCount(rows, Number.MAX_SAFE_INTEGER), () => `${rows} never was a rows handle`);
}

export function checkValues(values: Float32Array, dimension: number): void {
  require(values instanceof Float32Array, () => "rows must be a Float32Array");
  require(values.length % dimension === 0, () => `${values.length} values are no multiple of dimension ${dimension}`);
}

/** Where gathered rows go. */
export function checkGathered(values: Float32Array, count: number): void {
  require(values instanceof Float32Array && values.length === count, () =>
    `gathered rows need a Float32Array of ${count} values`);
}

export function checkMapping(path: string, offset: number, rowCount: number, dimension: number): void {
  checkDimension(dimension);
  require(typeof path === "string" && path !== "" && !path.includes("\0"), () =>
    "the path of mapped rows is empty or holds a zero byte");
  require(isCount(offset, Number.MAX_SAFE_INTEGER), () => `offset ${offset} is no whole number`);
  require(isCount(rowCount, MAX_ROWS), () => `row count ${rowCount} is not in 0..${MAX_ROWS}`);
}

export function checkNumbers(numbers: Uint32Array, rowCount: number): void {
  require(numbers instanceof Uint32Array, () => "row numbers must be a Uint32Array");
  for (const number of numbers) require(number < rowCount, () => `row ${number} does not exist: there are ${rowCount}`);
}

/** Returns the number of queries. `held` is how many rows there are. */
export function checkSearch(search: ExactSearch, dimension: number, held: number): number {
  const { rowCount, queries, metric, k, allowed, rank, range } = search;
  require(isCount(rowCount, held), () => `${rowCount} rows are wanted, there are ${held}`);
  require(Object.hasOwn(Metric, metric), () => `metric ${String(metric)} is not known`);
  require(isCount(k, MAX_K) && k >= 1, () => `k ${k} is not in 1..${MAX_K}`);
  require(queries instanceof Float32Array, () => "queries must be a Float32Array");
  require(queries.length % dimension === 0, () =>
    `${queries.length} query values are no multiple of dimension ${dimension}`);
  const queryCount = queries.length / dimension;
  require(queryCount * k <= MAX_HITS, () => `${queryCount} queries times k ${k} are more than ${MAX_HITS} hits`);
  if (allowed !== null) {
    require(allowed instanceof Uint8Array, () => "allowed rows must be a Uint8Array");
    require(allowed.length >= bitsetBytes(rowCount), () =>
      `${allowed.length} bytes of allowed rows are too few for ${rowCount} rows`);
  }
  if (rank !== null) {
    require(rank instanceof Uint32Array, () => "ranks must be a Uint32Array");
    require(rank.length >= rowCount, () => `${rank.length} ranks are too few for ${rowCount} rows`);
  }
  if (range !== null) {
    require(isBound(range.outer) && (range.inner === null || isBound(range.inner)), () =>
      "the bounds of the range are no numbers");
  }
  return queryCount;
}

export function checkTimestamps(
  inserts: BigUint64Array,
  deletes: BigUint64Array | null,
  rowCount: number,
  timestamp: bigint,
): void {
  require(isCount(rowCount, MAX_ROWS), () => `row count ${rowCount} is not in 0..${MAX_ROWS}`);
  require(inserts instanceof BigUint64Array && (deletes === null || deletes instanceof BigUint64Array), () =>
    "timestamps must be BigUint64Arrays");
  const fewest = Math.min(inserts.length, deletes === null ? inserts.length : deletes.length);
  require(fewest >= rowCount, () => `${fewest} timestamps are too few for ${rowCount} rows`);
  require(typeof timestamp === "bigint" && BigInt.asUintN(64, timestamp) === timestamp, () =>
    `timestamp ${timestamp} is no unsigned 64-bit integer`);
}

export function checkFloats(values: Float32Array): void {
  require(values instanceof Float32Array, () => "values must be a Float32Array");
}
