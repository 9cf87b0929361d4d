/**
 * One column of one segment that is being merged, read from the front to the back.
 *
 * Always true:
 *  - the rows that are taken ascend from call to call, as a merge by key needs them;
 *  - dense vectors come from the file in windows of about `WINDOW_BYTES`, other columns a page at a time, after the whole file was found
 *    right by its checksum; arrays, and vectors some of which are null, are in memory as a whole;
 *  - a field that is younger than the segment has its default or null.
 */

import { assert } from "../base/assert.ts";
import { type Column, takeRows } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { bytesOfVectors, isDenseVectorType, vectorRowBytes, vectorStride, vectorValues } from "../model/vectors.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { absentColumn } from "../segment/absent-column.ts";
import type { SegmentFiles, VectorLocation } from "../storage/segment-reader.ts";

const WINDOW_BYTES = 4 << 20;

export interface ParentColumn {
  /** Which rows have a value; null: all. Told for dense vectors only. */
  readonly valid: Uint8Array | null;
  /** A copy of these rows. */
  take(rows: Uint32Array): Promise<Column>;
}

export async function openParentColumn(
  files: SegmentFiles,
  field: FieldSchema,
  store: ObjectStore,
): Promise<ParentColumn> {
  const { rowCount, fields } = files.manifest;
  if (!fields.some(({ fieldId }) => fieldId === field.fieldId)) {
    const { valid } = absentColumn(field, 1);
    return {
      valid: valid === null ? null : new Uint8Array(rowCount),
      take: async (rows) => absentColumn(field, rows.length),
    };
  }
  if (!isDenseVectorType(field.dataType)) {
    const cursor = await files.openScalar(field.fieldId);
    if (cursor === null) return wholeColumn(await files.readScalar(field.fieldId));
    return { valid: null, take: (rows) => cursor.take(rows) };
  }
  const location = await files.vectorLocation(field.fieldId);
  // With nulls the vectors in the file are not those of the rows one by one.
  if (location.extents.some(({ storedRows, rowCount: rows }) => storedRows !== rows)) {
    return wholeColumn(await files.readVector(field.fieldId));
  }
  return new VectorWindow(field, location, store);
}

function wholeColumn(column: Column): ParentColumn {
  return { valid: column.kind === "vector" ? column.valid : null, take: async (rows) => takeRows(column, rows) };
}

class VectorWindow implements ParentColumn {
  readonly valid = null;
  readonly #field: FieldSchema;
  readonly #location: VectorLocation;
  readonly #store: ObjectStore;
  readonly #rowBytes: number;
  /** Rows from `#start` on, end to end. */
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(field: FieldSchema, location: VectorLocation, store: ObjectStore) {
    this.#field = field;
    this.#location = location;
    this.#store = store;
    this.#rowBytes = vectorRowBytes(field.dataType, field.dimension);
  }

  async take(rows: Uint32Array): Promise<Column> {
    const { dataType: type, dimension } = this.#field;
    const values = vectorValues(type, rows.length * vectorStride(type, dimension));
    const bytes = bytesOfVectors(values);
    const rowBytes = this.#rowBytes;
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at]!;
      if (row < this.#start || (row + 1 - this.#start) * rowBytes > this.#window.byteLength) await this.#load(row);
      const from = (row - this.#start) * rowBytes;
      bytes.set(this.#window.subarray(from, from + rowBytes), at * rowBytes);
    }
    return { kind: "vector", type, dimension, values, valid: null };
  }

  async #load(row: number): Promise<void> {
    const { key, extents } = this.#location;
    const extent = extents.find(({ firstRow, rowCount }) => row >= firstRow && row < firstRow + rowCount);
    assert(extent !== undefined, "every row lies in some extent");
    const count = Math.min(
      extent.firstRow + extent.rowCount - row,
      Math.max(1, Math.floor(WINDOW_BYTES / this.#rowBytes)),
    );
    const start = extent.offset + (row - extent.firstRow) * this.#rowBytes;
    this.#window = await this.#store.get(key, { start, end: start + count * this.#rowBytes });
    assert(this.#window.byteLength === count * this.#rowBytes, "the file is as it was when it was checked");
    this.#start = row;
  }
}
