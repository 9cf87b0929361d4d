/**
 * Leaves over array columns: one element of each array, their lengths, and what they hold.
 *
 * Always true:
 *  - a null array, and an element past the end of an array, are UNKNOWN;
 *  - elements are compared by the loops of columns: the elements of a stretch are a column themselves.
 */

import { assert } from "../base/assert.ts";
import type { Bitset } from "../model/bitset.ts";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  columnRows,
  type FixedColumn,
  fixedValues,
} from "../model/columns.ts";
import type {
  Constant,
  ContainsFilter,
  FieldPlace,
  InFilter,
  LengthFilter,
  MatchFilter,
  MatchMode,
} from "../model/filter.ts";
import type { DataType } from "../model/types.ts";
import { bitsOf } from "./bits.ts";
import { holds } from "./constants.ts";
import { type ColumnSource, knownRows, masked, type Operation, type Scan, STRETCH_ROWS } from "./scan.ts";

export function arrayColumn(scan: Scan, fieldId: bigint): ArrayColumn {
  const column = scan.source.column(fieldId);
  assert(column.kind === "array", `field ${fieldId} has arrays`);
  assert(columnRows(column) >= scan.from + scan.rowCount, `column of field ${fieldId} covers the rows`);
  return column;
}

/** `inner` over the elements at one place of the arrays, as if they were a column. */
export function overElement(fieldId: bigint, index: number, inner: Operation): Operation {
  return (scan) => {
    const column = elementsAt(arrayColumn(scan, fieldId), index, scan);
    return inner({ ...scan, from: 0, source: { column: () => column } });
  };
}

function elementsAt({ offsets, elements, valid }: ArrayColumn, index: number, { from, rowCount }: Scan): Column {
  const present = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const isNull = valid !== null && valid[from + row] === 0;
    present[row] = +(!isNull && index < offsets[from + row + 1]! - offsets[from + row]!);
  }
  const placeOf = (row: number): number => offsets[from + row]! + index;
  if (elements.kind === "fixed") return fixedAt(elements, placeOf, present);
  assert(elements.kind === "bytes", "elements are numbers or text");
  return bytesAtPlaces(elements, placeOf, present);
}

function fixedAt(elements: FixedColumn, placeOf: (row: number) => number, present: Uint8Array): FixedColumn {
  const values = fixedValues(elements.type, present.length);
  for (let row = 0; row < present.length; row += 1) {
    if (present[row] !== 0) values[row] = elements.values[placeOf(row)]!;
  }
  return { kind: "fixed", type: elements.type, values, valid: present };
}

function bytesAtPlaces(elements: BytesColumn, placeOf: (row: number) => number, present: Uint8Array): BytesColumn {
  const ends = new Uint32Array(present.length + 1);
  for (let row = 0; row < present.length; row += 1) {
    const place = placeOf(row);
    ends[row + 1] = ends[row]! + (present[row] === 0 ? 0 : elements.offsets[place + 1]! - elements.offsets[place]!);
  }
  const bytes = new Uint8Array(ends[present.length]!);
  for (let row = 0; row < present.length; row += 1) {
    if (present[row] === 0) continue;
    const place = placeOf(row);
    bytes.set(elements.bytes.subarray(elements.offsets[place]!, elements.offsets[place + 1]!), ends[row]!);
  }
  return { kind: "bytes", type: elements.type, offsets: ends, bytes, valid: present };
}

export function compileLength(filter: LengthFilter): Operation {
  const { field, operator } = filter;
  const value = Number(filter.value);
  return (scan) => {
    const column = arrayColumn(scan, field.fieldId);
    const truth = bitsOf(scan.rowCount);
    for (let row = 0, at = scan.from; row < scan.rowCount; row += 1, at += 1) {
      const length = column.offsets[at + 1]! - column.offsets[at]!;
      truth[row >> 3]! |= +holds(operator, length - value) << (row & 7);
    }
    return masked(truth, knownRows(column, scan));
  };
}

/** `compileIn`: a leaf over the elements as a column of their type. */
export function compileContainsArray(filter: ContainsFilter, compileIn: (filter: InFilter) => Operation): Operation {
  const { fieldId, elementType } = filter.field;
  assert(elementType !== undefined, "an array says what it holds");
  const element: FieldPlace = { fieldId, dataType: elementType as DataType, path: [] };
  const sought = filter.elements as readonly Constant[];
  const lists = filter.mode === "all" ? sought.map((value) => [value]) : [sought];
  const operations = lists.map((values) => compileIn({ kind: "in", field: element, values }));
  return (scan) => {
    const column = arrayColumn(scan, fieldId);
    const truth = bitsOf(scan.rowCount).fill(0xff);
    for (const operation of operations) {
      const held = rowsHolding(column, operation, scan);
      for (let at = 0; at < truth.length; at += 1) truth[at]! &= held[at]!;
    }
    for (let row = scan.rowCount; row < truth.length * 8; row += 1) truth[row >> 3]! &= ~(1 << (row & 7));
    return masked(truth, knownRows(column, scan));
  };
}

/** The rows with an element for which `operation` is TRUE. */
function rowsHolding(column: ArrayColumn, operation: Operation, scan: Scan): Bitset {
  const rows = bitsOf(scan.rowCount);
  const { elements } = column;
  eachHolding(column, operation, { column: () => elements }, scan, (row) => {
    rows[row >> 3]! |= 1 << (row & 7);
  });
  return rows;
}

/** `inner`: over the elements of the sub-fields as columns. */
export function compileMatch({ field, mode, count }: MatchFilter, inner: Operation): Operation {
  return (scan) => {
    const column = arrayColumn(scan, field.fieldId);
    const source = { column: (fieldId: bigint) => arrayColumn(scan, fieldId).elements };
    const counts = new Uint32Array(scan.rowCount);
    eachHolding(column, inner, source, scan, (row) => {
      counts[row]! += 1;
    });
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      const length = column.offsets[scan.from + row + 1]! - column.offsets[scan.from + row]!;
      truth[row >> 3]! |= +isMatch(mode, counts[row]!, length, count) << (row & 7);
    }
    return masked(truth, knownRows(column, scan));
  };
}

/** Whether so many of so many elements are what is wanted; all of none are. */
export function isMatch(mode: MatchMode, passing: number, length: number, count: number): boolean {
  switch (mode) {
    case "element":
    case "any":
      return passing > 0;
    case "all":
      return passing === length;
    case "least":
      return passing >= count;
    case "most":
      return passing <= count;
    case "exact":
      return passing === count;
  }
}

/** Tells the row, counted from the first of the scan, of every element for which `operation` is TRUE. */
function eachHolding(
  { offsets }: ArrayColumn,
  operation: Operation,
  source: ColumnSource,
  scan: Scan,
  visit: (row: number) => void,
): void {
  const end = offsets[scan.from + scan.rowCount]!;
  let row = 0;
  for (let from = offsets[scan.from]!; from < end; from += STRETCH_ROWS) {
    const rowCount = Math.min(STRETCH_ROWS, end - from);
    const { truth } = operation({ source, from, rowCount, wanted: null, documents: new Map() });
    for (let at = 0; at < rowCount; at += 1) {
      if ((truth[at >> 3]! & (1 << (at & 7))) === 0) continue;
      while (offsets[scan.from + row + 1]! <= from + at) row += 1;
      visit(row);
    }
  }
}
