/**
 * One pass of a filter over a stretch of rows: where the columns come from, and the scratch memory of the loops.
 *
 * Always true:
 *  - a stretch begins at a multiple of 64 and has at most `STRETCH_ROWS` rows, so its scratch fits the cache;
 *  - evaluation is synchronous, so one set of scratch arrays serves everybody.
 */

import { assert } from "../base/assert.ts";
import type { Bitset } from "../model/bitset.ts";
import { type BytesColumn, type Column, columnRows, type FixedColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { packBytes, type Verdict } from "./bits.ts";

export const STRETCH_ROWS = 8192;

export interface ColumnSource {
  /** At least as many rows as the evaluation asks for. */
  column(fieldId: bigint): Column;
}

export interface Scan {
  readonly source: ColumnSource;
  readonly from: number;
  readonly rowCount: number;
  /** The rows whose verdict matters; null: all. Of the others an operation may say anything. */
  readonly wanted: Bitset | null;
  /** Which rows of the documents have been read in this stretch, by reader; null: all. */
  readonly documents: Map<object, Bitset | null>;
}

/** A compiled filter or part of one. */
export type Operation = (scan: Scan) => Verdict;

export const SCRATCH = new Float64Array(STRETCH_ROWS);
export const SECOND_SCRATCH = new Float64Array(STRETCH_ROWS);

export function fixedColumn(scan: Scan, fieldId: bigint): FixedColumn {
  const column = scan.source.column(fieldId);
  assert(column.kind === "fixed", `field ${fieldId} has fixed-width values`);
  assert(columnRows(column) >= scan.from + scan.rowCount, `column of field ${fieldId} covers the rows`);
  return column;
}

export function textColumn(scan: Scan, fieldId: bigint): BytesColumn {
  const column = scan.source.column(fieldId);
  assert(column.kind === "bytes", `field ${fieldId} has bytes`);
  assert(columnRows(column) >= scan.from + scan.rowCount, `column of field ${fieldId} covers the rows`);
  return column;
}

/** The bits of the rows that have a value; null when all do. */
export function knownRows(column: Column, scan: Scan): Bitset | null {
  return column.valid === null ? null : packBytes(column.valid, scan.from, scan.rowCount);
}

/** NULL rows are UNKNOWN whatever a loop said of them. */
export function masked(truth: Bitset, known: Bitset | null): Verdict {
  if (known !== null) for (let at = 0; at < truth.length; at += 1) truth[at]! &= known[at]!;
  return { truth, known };
}

/** The stretch of a column as doubles; int64 rounds. */
export function loadNumbers(column: FixedColumn, scan: Scan, out: Float64Array): Float64Array {
  const { values } = column;
  if (values instanceof BigInt64Array) {
    const halves = halvesOf(values);
    for (let row = 0, at = scan.from * 2; row < scan.rowCount; row += 1, at += 2) {
      out[row] = halves[at + 1]! * 4294967296 + (halves[at]! >>> 0);
    }
  } else out.set(values.subarray(scan.from, scan.from + scan.rowCount));
  return out;
}

/** Int64 without BigInt: low half, high half, low half, ... */
export function halvesOf(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

export function isInt64(column: FixedColumn): column is FixedColumn & { readonly values: BigInt64Array } {
  return column.type === DataType.Int64 || column.type === DataType.Timestamptz;
}

assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, "the machine is little-endian");
