/**
 * Columns as bytes, in log records and between threads. Encoding does not copy values, decoding views them in place.
 *
 *     batch    u32 row count | u32 column count | columns
 *     column   i64 field id | u8 kind (0 fixed, 1 bytes, 2 vector, 3 array) | u8 data type | u8 has nulls | u8 0 | u32 dimension
 *              u64 bytes of values | u64 bytes of text
 *              valid, one byte a row, if there are nulls | values (fixed, vector) or offsets u32 × (rows + 1), then text
 *              array: offsets in elements, then the elements as a column of their own: field id 0, one row an element, no nulls
 *
 * Little-endian; every part starts on a multiple of 8 counted from the start of the batch, so that a batch which itself starts on one
 * can be viewed as typed arrays. Lengths are checked against the row count before anything is viewed.
 */

import { assert } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  type ColumnBatch,
  type ElementColumn,
  type FixedColumn,
  type VectorColumn,
  columnRows,
  fixedValues,
} from "./columns.ts";
import type { DataType } from "./types.ts";
import { isDenseVectorType, vectorRowBytes, viewedVectors } from "./vectors.ts";

const KINDS = ["fixed", "bytes", "vector", "array"] as const;
const COLUMN_HEADER_BYTES = 32;

/** The encoded batch as parts to be written one after the other; the large ones are the caller's own arrays. */
export function encodeBatch(batch: ColumnBatch): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, batch.rowCount, true);
  head.setUint32(4, batch.columns.size, true);
  parts.push(new Uint8Array(head.buffer));
  for (const [fieldId, column] of batch.columns) {
    assert(columnRows(column) === batch.rowCount, "every column has the row count of its batch");
    pushColumn(parts, fieldId, column);
  }
  return parts;
}

function pushColumn(parts: Uint8Array[], fieldId: bigint, column: Column): void {
  const values = column.kind === "bytes" || column.kind === "array" ? column.offsets : column.values;
  const text = column.kind === "bytes" ? column.bytes : null;
  const header = new DataView(new ArrayBuffer(COLUMN_HEADER_BYTES));
  header.setBigInt64(0, fieldId, true);
  header.setUint8(8, KINDS.indexOf(column.kind));
  header.setUint8(9, column.type);
  header.setUint8(10, column.valid === null ? 0 : 1);
  header.setUint32(12, column.kind === "vector" ? column.dimension : 0, true);
  header.setBigUint64(16, BigInt(values.byteLength), true);
  header.setBigUint64(24, BigInt(text?.byteLength ?? 0), true);
  parts.push(new Uint8Array(header.buffer));
  if (column.valid !== null) pushPadded(parts, column.valid);
  pushPadded(parts, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  if (text !== null) pushPadded(parts, text);
  if (column.kind === "array") {
    assert(columnRows(column.elements) === column.offsets.at(-1), "the elements of an array column lie end to end");
    assert(column.elements.valid === null, "an element is never null");
    pushColumn(parts, 0n, column.elements);
  }
}

function pushPadded(parts: Uint8Array[], bytes: Uint8Array): void {
  parts.push(bytes);
  const rest = bytes.byteLength & 7;
  if (rest !== 0) parts.push(ZEROS.subarray(0, 8 - rest));
}

const ZEROS = new Uint8Array(8);

/** The same bytes, starting on a multiple of 8; never a Node `Buffer`, whose `slice` does not copy. */
export function alignedBytes(bytes: Uint8Array): Uint8Array {
  return (bytes.byteOffset & 7) === 0
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/** Views `bytes`, which must stay unchanged as long as the batch lives; copies once when it does not start on a multiple of 8. */
export function decodeBatch(bytes: Uint8Array): ColumnBatch {
  const aligned = alignedBytes(bytes);
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  let at = 8;
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > aligned.byteLength) {
      throw milvusError(
        "DataIntegrity",
        `column data ends at byte ${aligned.byteLength}, but ${at + length} are named`,
      );
    }
    const part = aligned.subarray(at, at + length);
    at += Math.ceil(length / 8) * 8;
    return part;
  };
  if (aligned.byteLength < 8) throw milvusError("DataIntegrity", "a batch of columns is shorter than its header");
  const rowCount = view.getUint32(0, true);
  const columnCount = view.getUint32(4, true);
  const columns = new Map<bigint, Column>();
  const takeColumn = (entryCount: number): readonly [bigint, Column] => {
    const start = at;
    take(COLUMN_HEADER_BYTES);
    const fieldId = view.getBigInt64(start, true);
    const kind = KINDS[view.getUint8(start + 8)];
    const type = view.getUint8(start + 9) as DataType;
    const hasNulls = view.getUint8(start + 10) === 1;
    const dimension = view.getUint32(start + 12, true);
    const valueBytes = Number(view.getBigUint64(start + 16, true));
    const textBytes = Number(view.getBigUint64(start + 24, true));
    const valid = hasNulls ? take(entryCount) : null;
    const values = take(valueBytes);
    if (kind !== "array") {
      return [fieldId, decodeColumn(kind, type, dimension, entryCount, valid, values, () => take(textBytes))];
    }
    return [fieldId, decodeArrays(type, entryCount, valid, values, (elementCount) => takeColumn(elementCount)[1])];
  };
  for (let index = 0; index < columnCount; index += 1) {
    const [fieldId, column] = takeColumn(rowCount);
    columns.set(fieldId, column);
  }
  return { rowCount, columns };
}

function decodeArrays(
  type: DataType,
  rowCount: number,
  valid: Uint8Array | null,
  values: Uint8Array,
  takeElements: (count: number) => Column,
): ArrayColumn {
  if (values.byteLength !== (rowCount + 1) * 4) {
    throw milvusError("DataIntegrity", `a column of ${rowCount} arrays has offsets of ${values.byteLength} bytes`);
  }
  const offsets = new Uint32Array(values.buffer, values.byteOffset, rowCount + 1);
  for (let row = 0; row < rowCount; row += 1) {
    if (offsets[row]! > offsets[row + 1]!) {
      throw milvusError("DataIntegrity", "the offsets of an array column do not ascend");
    }
  }
  if (offsets[0] !== 0) throw milvusError("DataIntegrity", "the offsets of an array column do not start at 0");
  const elements = takeElements(offsets[rowCount]!);
  if (elements.kind === "array") throw milvusError("DataIntegrity", "an array of arrays");
  return { kind: "array", type, elementType: elements.type, offsets, elements, valid };
}

function decodeColumn(
  kind: ElementColumn["kind"] | undefined,
  type: DataType,
  dimension: number,
  rowCount: number,
  valid: Uint8Array | null,
  values: Uint8Array,
  text: () => Uint8Array,
): ElementColumn {
  const expect = (bytes: number): void => {
    if (values.byteLength !== bytes) {
      throw milvusError(
        "DataIntegrity",
        `a column of ${rowCount} rows has ${values.byteLength} bytes instead of ${bytes}`,
      );
    }
  };
  switch (kind) {
    case "fixed": {
      const empty = fixedValues(type, 0);
      expect(rowCount * empty.BYTES_PER_ELEMENT);
      const make = empty.constructor as new (
        buffer: ArrayBufferLike,
        offset: number,
        length: number,
      ) => FixedColumn["values"];
      const column: FixedColumn = { kind, type, values: new make(values.buffer, values.byteOffset, rowCount), valid };
      return column;
    }
    case "bytes": {
      expect((rowCount + 1) * 4);
      const offsets = new Uint32Array(values.buffer, values.byteOffset, rowCount + 1);
      const bytes = text();
      if (offsets[0] !== 0 || offsets[rowCount] !== bytes.byteLength) {
        throw milvusError("DataIntegrity", "the offsets of a text column do not fit its bytes");
      }
      const column: BytesColumn = { kind, type, offsets, bytes, valid };
      return column;
    }
    case "vector": {
      if (!isDenseVectorType(type)) throw milvusError("DataIntegrity", `a column of vectors is of type ${type}`);
      expect(rowCount * vectorRowBytes(type, dimension));
      const column: VectorColumn = {
        kind,
        type,
        dimension,
        values: viewedVectors(type, values),
        valid,
      };
      return column;
    }
    case undefined:
      throw milvusError("DataIntegrity", "a column is of a kind that this version does not know");
  }
}
