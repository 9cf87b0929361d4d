/**
 * Copies of columns for another thread. A view is copied alone: cloning one would carry the whole buffer that it looks into.
 */

import type { Column, FixedValues } from "../model/columns.ts";
import type { VectorValues } from "../model/vectors.ts";

export type MovableValues = FixedValues | VectorValues | Uint32Array;

/** The same values in a buffer of their own, which is added to `transfer`. */
export function copiedValues<Values extends MovableValues>(values: Values, transfer: ArrayBuffer[]): Values {
  // The constructor of the base class: `slice` of a Buffer is a view.
  const copy = (values instanceof Uint8Array ? new Uint8Array(values) : values.slice()) as Values & {
    readonly buffer: ArrayBuffer;
  };
  // Nothing that is empty need travel.
  if (copy.byteLength > 0) transfer.push(copy.buffer);
  return copy;
}

export function copiedColumn<Kind extends Column>(column: Kind, transfer: ArrayBuffer[]): Kind {
  const valid = column.valid === null ? null : copiedValues(column.valid, transfer);
  if (column.kind === "bytes") {
    const offsets = copiedValues(column.offsets, transfer);
    return { ...column, offsets, bytes: copiedValues(column.bytes, transfer), valid };
  }
  if (column.kind === "array") {
    const offsets = copiedValues(column.offsets, transfer);
    return { ...column, offsets, elements: copiedColumn(column.elements, transfer), valid };
  }
  return { ...column, values: copiedValues(column.values, transfer), valid };
}
