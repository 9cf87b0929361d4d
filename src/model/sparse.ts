/**
 * Sparse vectors: columns of bytes, an entry for each row.
 *
 *   entry   (u32 index | f32 value) × n     little-endian, no head
 *
 * Always true of a checked entry: indices ascend and are below 2^32 - 1, values are finite. An entry may be empty.
 */

import { assert } from "../base/assert.ts";
import { type BytesColumn, bytesColumn } from "./columns.ts";
import { DataType } from "./types.ts";

export const SPARSE_PAIR_BYTES = 8;
/** The largest index; 2^32 - 1 is none. */
export const MAX_SPARSE_INDEX = 0xffff_fffe;

/** What is wrong with an entry, or null. */
export type SparseFault =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "order" }
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "negative"; readonly value: number };

export interface SparseRules {
  readonly negative: "allowed" | "refused";
}

/** Bytes `[start, end)` of `view` as one entry. */
export function sparseFault(view: DataView, start: number, end: number, rules: SparseRules): SparseFault | null {
  if ((end - start) % SPARSE_PAIR_BYTES !== 0) return { kind: "length", bytes: end - start };
  let before = -1;
  for (let at = start; at < end; at += SPARSE_PAIR_BYTES) {
    const index = view.getUint32(at, true);
    const value = view.getFloat32(at + 4, true);
    if (index > MAX_SPARSE_INDEX) return { kind: "index", index };
    if (index <= before) return { kind: "order" };
    if (!Number.isFinite(value)) return { kind: "value", value };
    if (value < 0 && rules.negative === "refused") return { kind: "negative", value };
    before = index;
  }
  return null;
}

/** The largest index of any row and one; 0 where all are empty. */
export function sparseDimension(column: BytesColumn): number {
  assert(column.type === DataType.SparseFloatVector, "the column holds sparse vectors");
  const view = new DataView(column.bytes.buffer, column.bytes.byteOffset, column.bytes.byteLength);
  let dimension = 0;
  for (let row = 0; row + 1 < column.offsets.length; row += 1) {
    const end = column.offsets[row + 1]!;
    // Indices ascend: the last is the largest.
    if (end > column.offsets[row]!) dimension = Math.max(dimension, view.getUint32(end - SPARSE_PAIR_BYTES, true) + 1);
  }
  return dimension;
}

/** The entry of these indices, which ascend, and their values. */
export function sparseEntry(indices: ArrayLike<number>, values: ArrayLike<number>): Uint8Array {
  assert(indices.length === values.length, "every index has a value");
  const entry = new Uint8Array(indices.length * SPARSE_PAIR_BYTES);
  const view = new DataView(entry.buffer);
  for (let at = 0; at < indices.length; at += 1) {
    view.setUint32(at * SPARSE_PAIR_BYTES, indices[at]!, true);
    view.setFloat32(at * SPARSE_PAIR_BYTES + 4, values[at]!, true);
  }
  return entry;
}

export function sparseColumn(entries: readonly Uint8Array[], valid: Uint8Array | null = null): BytesColumn {
  return bytesColumn(DataType.SparseFloatVector, entries, valid);
}
