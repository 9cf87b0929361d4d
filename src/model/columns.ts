/**
 * Columns: the shape in which rows travel from the wire to the log, the segment and the file. Never one object a row.
 *
 * Always true:
 *  - every column of a batch has the batch's `rowCount` entries, null or not (null entries hold zeros or nothing);
 *  - `valid` is null when no entry is null, else one byte a row, 1 = present;
 *  - a bytes column has `rowCount + 1` ascending offsets, the first 0, the last the length of `bytes`;
 *  - an array column has the same in elements; a null array has none;
 *  - a batch is immutable once it is built: it is shared between the log, segments and results without copies.
 */

import { assert } from "../base/assert.ts";
import { copyValues, runEnd } from "./row-runs.ts";
import { DataType } from "./types.ts";
import { type VectorValues, isDenseVectorType, vectorStride, vectorValues } from "./vectors.ts";

export type FixedValues =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** Bool (bytes 0 or 1), Int8…Int64, Float, Double. */
export interface FixedColumn {
  readonly kind: "fixed";
  readonly type: DataType;
  readonly values: FixedValues;
  readonly valid: Uint8Array | null;
}

/** VarChar and JSON, UTF-8, end to end; sparse vectors (`sparse.ts`), geometries (`wkb.ts`). */
export interface BytesColumn {
  readonly kind: "bytes";
  readonly type: DataType;
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
  readonly valid: Uint8Array | null;
}

/** Dense vectors, row after row; the type says which array and how many entries a row (`vectors.ts`). */
export interface VectorColumn {
  readonly kind: "vector";
  readonly type: DataType;
  readonly dimension: number;
  readonly values: VectorValues;
  readonly valid: Uint8Array | null;
}

/** What an array can hold end to end: numbers, text, or (ArrayOfVector) vectors. Never null: an entry is null or its elements all exist. */
export type ElementColumn = FixedColumn | BytesColumn | VectorColumn;

/** Array and ArrayOfVector: the elements of all rows end to end; row `i` has those from `offsets[i]` to `offsets[i + 1]`. */
export interface ArrayColumn {
  readonly kind: "array";
  readonly type: DataType;
  readonly elementType: DataType;
  readonly offsets: Uint32Array;
  readonly elements: ElementColumn;
  readonly valid: Uint8Array | null;
}

export type Column = ElementColumn | ArrayColumn;

export interface ColumnBatch {
  readonly rowCount: number;
  /** By field id. */
  readonly columns: ReadonlyMap<bigint, Column>;
}

/** Primary keys, in a form that both key types share. */
export type KeyColumn = (FixedColumn & { readonly values: BigInt64Array }) | BytesColumn;

export function columnRows(column: Column): number {
  switch (column.kind) {
    case "fixed":
      return column.values.length;
    case "bytes":
    case "array":
      return column.offsets.length - 1;
    case "vector":
      return column.values.length / vectorStride(column.type, column.dimension);
  }
}

export function columnBytes(column: Column): number {
  const valid = column.valid?.byteLength ?? 0;
  switch (column.kind) {
    case "bytes":
      return valid + column.offsets.byteLength + column.bytes.byteLength;
    case "array":
      return valid + column.offsets.byteLength + columnBytes(column.elements);
    default:
      return valid + column.values.byteLength;
  }
}

export function batchBytes(batch: ColumnBatch): number {
  let bytes = 0;
  for (const column of batch.columns.values()) bytes += columnBytes(column);
  return bytes;
}

/** An empty array of the right element type for `type`. */
export function fixedValues(type: DataType, length: number): FixedValues {
  switch (type) {
    case DataType.Bool:
      return new Uint8Array(length);
    case DataType.Int8:
      return new Int8Array(length);
    case DataType.Int16:
      return new Int16Array(length);
    case DataType.Int32:
      return new Int32Array(length);
    case DataType.Int64:
    case DataType.Timestamptz:
      return new BigInt64Array(length);
    case DataType.Float:
      return new Float32Array(length);
    case DataType.Double:
      return new Float64Array(length);
    default:
      assert(false, `type ${type} has fixed-width values`);
  }
}

const BYTES_TYPES: ReadonlySet<DataType> = new Set([
  DataType.VarChar,
  DataType.JSON,
  DataType.String,
  DataType.Text,
  DataType.SparseFloatVector,
  DataType.Geometry,
]);

export function isBytesType(type: DataType): boolean {
  return BYTES_TYPES.has(type);
}

/** A column without rows. */
function noElements(type: DataType, dimension: number): ElementColumn {
  if (isDenseVectorType(type)) return { kind: "vector", type, dimension, values: vectorValues(type, 0), valid: null };
  return isBytesType(type) ? bytesColumn(type, []) : { kind: "fixed", type, values: fixedValues(type, 0), valid: null };
}

/** Arrays without elements, null where `valid` says so. */
export function emptyArrays(
  field: { readonly dataType: DataType; readonly elementType: DataType; readonly dimension: number },
  rowCount: number,
  valid: Uint8Array | null,
): ArrayColumn {
  const offsets = new Uint32Array(rowCount + 1);
  const { dataType, elementType, dimension } = field;
  return { kind: "array", type: dataType, elementType, offsets, elements: noElements(elementType, dimension), valid };
}

/** UTF-8 bytes of every entry, end to end. */
export function bytesColumn(
  type: DataType,
  entries: readonly (Uint8Array | string)[],
  valid: Uint8Array | null = null,
): BytesColumn {
  const encoded = entries.map((entry) => (typeof entry === "string" ? Buffer.from(entry, "utf8") : entry));
  const offsets = new Uint32Array(encoded.length + 1);
  let end = 0;
  for (let row = 0; row < encoded.length; row += 1) {
    end += encoded[row]!.byteLength;
    offsets[row + 1] = end;
  }
  const bytes = new Uint8Array(end);
  for (let row = 0; row < encoded.length; row += 1) bytes.set(encoded[row]!, offsets[row]!);
  return { kind: "bytes", type, offsets, bytes, valid };
}

/** One entry of a bytes column, as a view. */
export function bytesAt(column: BytesColumn, row: number): Uint8Array {
  return column.bytes.subarray(column.offsets[row]!, column.offsets[row + 1]!);
}

/** One entry of a bytes column, as text. */
export function textAt(column: BytesColumn, row: number): string {
  return utf8.decode(bytesAt(column, row));
}

const utf8 = new TextDecoder();

/** The rows of `column` named by `rows`, in that order; a copy. */
export function takeRows(column: Column, rows: Uint32Array): Column {
  const valid = column.valid === null ? null : takeValid(column.valid, rows);
  switch (column.kind) {
    case "fixed":
      return { ...column, values: takeValues(column.values, rows, fixedValues(column.type, rows.length)), valid };
    case "bytes": {
      const offsets = new Uint32Array(rows.length + 1);
      for (let at = 0; at < rows.length; at += 1) {
        const row = rows[at]!;
        offsets[at + 1] = offsets[at]! + column.offsets[row + 1]! - column.offsets[row]!;
      }
      const bytes = new Uint8Array(offsets[rows.length]!);
      for (let at = 0, end = 0; at < rows.length; at = end) {
        end = runEnd(rows, at, rows.length);
        const first = rows[at]!;
        bytes.set(column.bytes.subarray(column.offsets[first]!, column.offsets[first + end - at]!), offsets[at]!);
      }
      return { ...column, offsets, bytes, valid };
    }
    case "vector": {
      const stride = vectorStride(column.type, column.dimension);
      const values = vectorValues(column.type, rows.length * stride);
      for (let at = 0, end = 0; at < rows.length; at = end) {
        end = runEnd(rows, at, rows.length);
        const start = rows[at]! * stride;
        values.set(column.values.subarray(start, start + (end - at) * stride), at * stride);
      }
      return { ...column, values, valid };
    }
    case "array": {
      const offsets = new Uint32Array(rows.length + 1);
      for (let at = 0; at < rows.length; at += 1) {
        const row = rows[at]!;
        offsets[at + 1] = offsets[at]! + column.offsets[row + 1]! - column.offsets[row]!;
      }
      const wanted = new Uint32Array(offsets[rows.length]!);
      for (let at = 0; at < rows.length; at += 1) {
        const shift = column.offsets[rows[at]!]! - offsets[at]!;
        for (let element = offsets[at]!; element < offsets[at + 1]!; element += 1) wanted[element] = element + shift;
      }
      return { ...column, offsets, elements: takeRows(column.elements, wanted) as ElementColumn, valid };
    }
  }
}

/** Apart from other values, so that the engine knows of one kind of array here. */
function takeValid(source: Uint8Array, rows: Uint32Array): Uint8Array {
  const valid = new Uint8Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) valid[at] = source[rows[at]!]!;
  return valid;
}

function takeValues<Values extends FixedValues>(source: Values, rows: Uint32Array, values: Values): Values {
  for (let at = 0, end = 0; at < rows.length; at = end) {
    end = at + 1;
    const row = rows[at]!;
    if (rows[end] !== row + 1) values[at] = source[row]!;
    else {
      end = runEnd(rows, at, rows.length);
      copyValues(source, row, end - at, values, at);
    }
  }
  return values;
}

export function takeBatch(batch: ColumnBatch, rows: Uint32Array): ColumnBatch {
  const columns = new Map<bigint, Column>();
  for (const [fieldId, column] of batch.columns) columns.set(fieldId, takeRows(column, rows));
  return { rowCount: rows.length, columns };
}

/** Columns of the same type end to end; at least one. */
export function concatColumns(parts: readonly Column[]): Column {
  const first = parts[0];
  assert(first !== undefined, "there is something to join");
  if (parts.length === 1) return first;
  const rowCount = parts.reduce((sum, part) => sum + columnRows(part), 0);
  const valid = parts.some((part) => part.valid !== null) ? new Uint8Array(rowCount).fill(1) : null;
  let row = 0;
  for (const part of parts) {
    if (valid !== null && part.valid !== null) valid.set(part.valid, row);
    row += columnRows(part);
  }
  switch (first.kind) {
    case "fixed": {
      const values = fixedValues(first.type, rowCount);
      let at = 0;
      for (const part of parts as readonly FixedColumn[]) {
        if (values instanceof BigInt64Array) values.set(part.values as BigInt64Array, at);
        else values.set(part.values as Float64Array, at);
        at += part.values.length;
      }
      return { ...first, values, valid };
    }
    case "bytes": {
      const columns = parts as readonly BytesColumn[];
      const offsets = new Uint32Array(rowCount + 1);
      const bytes = new Uint8Array(columns.reduce((sum, part) => sum + part.bytes.byteLength, 0));
      let at = 0;
      let end = 0;
      for (const part of columns) {
        bytes.set(part.bytes, end);
        for (let entry = 1; entry < part.offsets.length; entry += 1) offsets[at + entry] = end + part.offsets[entry]!;
        at += part.offsets.length - 1;
        end += part.bytes.byteLength;
      }
      return { ...first, offsets, bytes, valid };
    }
    case "vector": {
      const values = vectorValues(first.type, rowCount * vectorStride(first.type, first.dimension));
      let at = 0;
      for (const part of parts as readonly VectorColumn[]) {
        values.set(part.values, at);
        at += part.values.length;
      }
      return { ...first, values, valid };
    }
    case "array": {
      const columns = parts as readonly ArrayColumn[];
      const offsets = new Uint32Array(rowCount + 1);
      let at = 0;
      for (const part of columns) {
        const start = offsets[at]!;
        for (let entry = 1; entry < part.offsets.length; entry += 1) offsets[at + entry] = start + part.offsets[entry]!;
        at += part.offsets.length - 1;
      }
      const elements = concatColumns(columns.map((part) => part.elements)) as ElementColumn;
      return { ...first, offsets, elements, valid };
    }
  }
}
