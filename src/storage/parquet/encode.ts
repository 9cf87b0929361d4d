/**
 * Rows of a column as the plain body of a data page.
 *
 *   optional column:  u32 length of the levels | levels | values of the rows that are not null
 *   required column:  values
 *   levels (1 bit a row):  all present: varint(rows << 1) | 1                 one run
 *                          else:        varint(groups << 1 | 1) | bits        groups of 8 rows, least significant bit first
 *   values:  numbers little-endian, Int8 and Int16 widened to 32 bits;  Bool 1 bit, least significant first;
 *            bytes: u32 length | bytes, each;  dense vectors: the bytes of a row each
 *
 * The numbers of the host are little-endian: Node runs on no other machine that we support.
 */

import { assert } from "../../base/assert.ts";
import type { BytesColumn, Column, FixedColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { vectorStride } from "../../model/vectors.ts";
import { varint } from "./levels.ts";
import type { FileField } from "./physical.ts";

/** Rows `[from, to)`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

export function countPresent(valid: Uint8Array | null, rows: RowRange): number {
  if (valid === null) return rows.to - rows.from;
  let present = 0;
  for (let row = rows.from; row < rows.to; row += 1) if (valid[row] !== 0) present += 1;
  return present;
}

/** Levels with their length in front, or null where the column cannot have nulls. */
export function encodeLevels(field: FileField, column: Pick<Column, "valid">, rows: RowRange): Uint8Array | null {
  const rowCount = rows.to - rows.from;
  const present = countPresent(column.valid, rows);
  if (!field.nullable) {
    assert(present === rowCount, `field ${field.fieldId} is not nullable and has no nulls`);
    return null;
  }
  const allPresent = present === rowCount;
  const header = varint(allPresent ? rowCount * 2 : Math.ceil(rowCount / 8) * 2 + 1);
  const body = allPresent ? Uint8Array.of(1) : packBits(column.valid!, rows);
  const bytes = new Uint8Array(4 + header.byteLength + body.byteLength);
  new DataView(bytes.buffer).setUint32(0, header.byteLength + body.byteLength, true);
  bytes.set(header, 4);
  bytes.set(body, 4 + header.byteLength);
  return bytes;
}

export function encodePage(field: FileField, column: Column, rows: RowRange): Uint8Array {
  const levels = encodeLevels(field, column, rows);
  const values = encodeValues(column, rows);
  if (levels === null) return values;
  const page = new Uint8Array(levels.byteLength + values.byteLength);
  page.set(levels);
  page.set(values, levels.byteLength);
  return page;
}

/** The values of the rows that are not null; a view of the column where that is the same. */
export function encodeValues(column: Column, rows: RowRange): Uint8Array {
  assert(column.kind !== "array", "arrays are written by their elements");
  if (column.kind === "bytes") return encodeBytes(column, rows);
  if (column.kind === "fixed" && column.type === DataType.Bool) {
    return packBits(column.values as Uint8Array, rows, column.valid);
  }
  const stride = column.kind === "vector" ? vectorStride(column.type, column.dimension) : 1;
  const wide = column.kind === "fixed" ? widened(column, rows) : null;
  const source = wide ?? column.values.subarray(rows.from * stride, rows.to * stride);
  const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  return keepPresent(bytes, (source.BYTES_PER_ELEMENT * stride) | 0, column.valid, rows);
}

function widened(column: FixedColumn, rows: RowRange): Int32Array | null {
  if (column.type !== DataType.Int8 && column.type !== DataType.Int16) return null;
  return Int32Array.from(column.values.subarray(rows.from, rows.to) as Int8Array | Int16Array);
}

function keepPresent(bytes: Uint8Array, width: number, valid: Uint8Array | null, rows: RowRange): Uint8Array {
  const present = countPresent(valid, rows);
  if (valid === null || present === rows.to - rows.from) return bytes;
  const kept = new Uint8Array(present * width);
  let end = 0;
  for (let row = rows.from; row < rows.to; row += 1) {
    if (valid[row] === 0) continue;
    const start = (row - rows.from) * width;
    for (let byte = 0; byte < width; byte += 1) kept[end + byte] = bytes[start + byte]!;
    end += width;
  }
  return kept;
}

function encodeBytes(column: BytesColumn, rows: RowRange): Uint8Array {
  const { offsets, valid } = column;
  const room = offsets[rows.to]! - offsets[rows.from]! + 4 * (rows.to - rows.from);
  const page = new Uint8Array(room);
  const view = new DataView(page.buffer);
  let end = 0;
  for (let row = rows.from; row < rows.to; row += 1) {
    if (valid !== null && valid[row] === 0) continue;
    const start = offsets[row]!;
    const length = offsets[row + 1]! - start;
    view.setUint32(end, length, true);
    end += 4;
    if (length < 24) for (let at = 0; at < length; at += 1) page[end + at] = column.bytes[start + at]!;
    else page.set(column.bytes.subarray(start, start + length), end);
    end += length;
  }
  return page.subarray(0, end);
}

/** One bit for each row of the range, or for each that `valid` keeps. */
function packBits(flags: Uint8Array, rows: RowRange, valid: Uint8Array | null = null): Uint8Array {
  const bits = new Uint8Array(Math.ceil(countPresent(valid, rows) / 8));
  let at = 0;
  for (let row = rows.from; row < rows.to; row += 1) {
    if (valid !== null && valid[row] === 0) continue;
    if (flags[row] !== 0) bits[at >> 3]! |= 1 << (at & 7);
    at += 1;
  }
  return bits;
}
