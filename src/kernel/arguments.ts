/**
 * The checks of every argument that both kernels make, so that they refuse the same things in the same words. Nothing is
 * read or copied before its check; C++ checks lengths once more, because there a wrong one is memory corruption.
 */

import { type Bitset, bitsetBytes } from "../model/bitset.ts";
import { Metric } from "../model/types.ts";
import { KernelError, MAX_HITS, MAX_K, MAX_ROWS } from "./kernel.ts";
import type { ExactSearch, ListSearch } from "./kernel.ts";
import { MAX_BINARY_DIMENSION, MAX_DIMENSION, elementKind, isElement, valuesPerRow } from "./layout.ts";
import type { Element, RowLayout, RowValues } from "./layout.ts";

function require(condition: boolean, text: () => string): void {
  if (!condition) throw new KernelError(text());
}

function isBound(value: number): boolean {
  return typeof value === "number" && !Number.isNaN(value);
}

function isCount(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

export function checkElement(element: Element): void {
  require(typeof element === "string" && isElement(element), () => `element ${String(element)} is not known`);
}

export function checkLayout({ element, dimension }: RowLayout): void {
  checkElement(element);
  const most = element === "binary" ? MAX_BINARY_DIMENSION : MAX_DIMENSION;
  require(isCount(dimension, most) && dimension >= 1, () => `dimension ${dimension} is not in 1..${most}`);
  require(element !== "binary" || dimension % 8 === 0, () =>
    `dimension ${dimension} of binary rows is no multiple of 8`);
}

export function checkHandle(rows: number): void {
  require(isCount(rows, Number.MAX_SAFE_INTEGER), () => `${rows} never was a rows handle`);
}

/** `what` names them in the refusal. */
export function checkArray(values: RowValues, element: Element, what: string): void {
  const kind = elementKind(element);
  require(kind.isOwn(values), () => `${what} of ${element} must be a ${kind.arrayName}`);
}

function checkWhole(values: RowValues, layout: RowLayout, what: string): void {
  const length = valuesPerRow(layout);
  require(values.length % length === 0, () => `${values.length} ${what} are no multiple of the ${length} of a row`);
}

export function checkValues(values: RowValues, layout: RowLayout): void {
  checkArray(values, layout.element, "rows");
  checkWhole(values, layout, "values");
}

/** Where gathered rows go. */
export function checkGathered(values: RowValues, element: Element, count: number): void {
  const kind = elementKind(element);
  require(kind.isOwn(values) && values.length === count, () =>
    `gathered rows need a ${kind.arrayName} of ${count} values`);
}

export function checkMapping(path: string, offset: number, rowCount: number, layout: RowLayout): void {
  checkLayout(layout);
  require(typeof path === "string" && path !== "" && !path.includes("\0"), () =>
    "the path of mapped rows is empty or holds a zero byte");
  require(isCount(offset, Number.MAX_SAFE_INTEGER), () => `offset ${offset} is no whole number`);
  require(isCount(rowCount, MAX_ROWS), () => `row count ${rowCount} is not in 0..${MAX_ROWS}`);
}

export function checkNumbers(numbers: Uint32Array, rowCount: number): void {
  require(numbers instanceof Uint32Array, () => "row numbers must be a Uint32Array");
  for (const number of numbers) require(number < rowCount, () => `row ${number} does not exist: there are ${rowCount}`);
}

/** Returns how many there are. */
export function checkQueries(queries: RowValues, layout: RowLayout): number {
  checkArray(queries, layout.element, "queries");
  checkWhole(queries, layout, "query values");
  return queries.length / valuesPerRow(layout);
}

export function checkMetric(metric: Metric, element: Element): void {
  require(Object.hasOwn(Metric, metric), () => `metric ${String(metric)} is not known`);
  require(elementKind(element).metrics.includes(metric), () => `metric ${metric} is not for rows of ${element}`);
}

function checkChosen(allowed: Bitset | null, rank: Uint32Array | null, count: number, what: string): void {
  if (allowed !== null) {
    require(allowed instanceof Uint8Array, () => `allowed ${what} must be a Uint8Array`);
    require(allowed.length >= bitsetBytes(count), () =>
      `${allowed.length} bytes of allowed ${what} are too few for ${count} ${what}`);
  }
  if (rank !== null) {
    require(rank instanceof Uint32Array, () => "ranks must be a Uint32Array");
    require(rank.length >= count, () => `${rank.length} ranks are too few for ${count} ${what}`);
  }
}

function checkEnds(ends: Uint32Array, most: number, what: string): void {
  require(ends instanceof Uint32Array && ends.length >= 1, () =>
    `the ends of ${what} must be a Uint32Array of 1 or more`);
  require(ends[0] === 0, () => `the ends of ${what} do not start at 0`);
  for (let at = 1; at < ends.length; at += 1) {
    require(ends[at - 1]! <= ends[at]!, () => `the ends of ${what} do not ascend`);
  }
  const last = ends[ends.length - 1]!;
  require(last <= most, () => `${what} end at ${last}, and there are ${most}`);
}

/** Returns the number of queries. `held` is how many rows there are. */
export function checkListSearch(search: ListSearch, layout: RowLayout, held: number): number {
  const { ends, queries, queryEnds, metric, k, allowed, rank } = search;
  checkMetric(metric, layout.element);
  const isOfLists = metric !== Metric.MHJACCARD && metric !== Metric.SUBSTRUCTURE && metric !== Metric.SUPERSTRUCTURE;
  require(isOfLists, () => `metric ${metric} is not for lists`);
  require(isCount(k, MAX_K) && k >= 1, () => `k ${k} is not in 1..${MAX_K}`);
  checkEnds(ends, held, "lists");
  checkEnds(queryEnds, checkQueries(queries, layout), "queries");
  const queryCount = queryEnds.length - 1;
  require(queryCount * k <= MAX_HITS, () => `${queryCount} queries times k ${k} are more than ${MAX_HITS} hits`);
  checkChosen(allowed, rank, ends.length - 1, "lists");
  return queryCount;
}

/** Returns the number of queries. `held` is how many rows there are. */
export function checkSearch(search: ExactSearch, layout: RowLayout, held: number): number {
  const { rowCount, queries, metric, k, allowed, rank, range, hashBits = 8, bands } = search;
  require(isCount(rowCount, held), () => `${rowCount} rows are wanted, there are ${held}`);
  checkMetric(metric, layout.element);
  require(isCount(k, MAX_K) && k >= 1, () => `k ${k} is not in 1..${MAX_K}`);
  const queryCount = checkQueries(queries, layout);
  require([8, 16, 32, 64].includes(hashBits), () => `a hash of ${hashBits} bits is none of 8, 16, 32 and 64`);
  require(metric !== Metric.MHJACCARD || layout.dimension % hashBits === 0, () =>
    `dimension ${layout.dimension} is no multiple of a hash of ${hashBits} bits`);
  const hashes = metric === Metric.MHJACCARD ? layout.dimension / hashBits : 0;
  require(bands === undefined || (isCount(bands, hashes) && bands >= 1), () =>
    `${bands} bands are not in 1..${hashes}`);
  require(queryCount * k <= MAX_HITS, () => `${queryCount} queries times k ${k} are more than ${MAX_HITS} hits`);
  checkChosen(allowed, rank, rowCount, "rows");
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

export function checkFound(values: RowValues, element: Element): void {
  checkElement(element);
  checkArray(values, element, "values");
}
