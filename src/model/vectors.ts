/**
 * What dense vectors are made of: one typed array a column, row after row.
 *
 *   FloatVector                       Float32Array   dimension entries a row
 *   Float16Vector, BFloat16Vector     Uint16Array    dimension entries a row: the raw bits
 *   Int8Vector                        Int8Array      dimension entries a row
 *   BinaryVector                      Uint8Array     dimension / 8 entries a row: bits, most significant first, as they were sent
 *
 * Sparse vectors have no dimension and are columns of bytes (`sparse.ts`).
 */

import { assert } from "../base/assert.ts";
import { DataType } from "./types.ts";

export type VectorValues = Float32Array | Uint16Array | Int8Array | Uint8Array;

const ARRAYS = {
  [DataType.FloatVector]: Float32Array,
  [DataType.Float16Vector]: Uint16Array,
  [DataType.BFloat16Vector]: Uint16Array,
  [DataType.Int8Vector]: Int8Array,
  [DataType.BinaryVector]: Uint8Array,
} as const;
interface ArrayKind {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): VectorValues;
}
export type DenseVectorType = keyof typeof ARRAYS;

export function isDenseVectorType(type: DataType): type is DenseVectorType {
  return Object.hasOwn(ARRAYS, type);
}

/** Zeros: `length` entries of the array. */
export function vectorValues(type: DataType, length: number): VectorValues {
  assert(isDenseVectorType(type), `type ${type} has dense vectors`);
  return new ARRAYS[type](length);
}

/** Whatever was in memory before: who asks for it fills all of it. Zeros cost as much as the copy that follows. */
export function unfilledVectors(type: DataType, length: number): VectorValues {
  assert(isDenseVectorType(type), `type ${type} has dense vectors`);
  return viewedVectors(type, Buffer.allocUnsafeSlow(length * entryBytes(type)));
}

/** The same values in the array of their type; `bytes` starts where the array may. */
export function viewedVectors(type: DataType, bytes: Uint8Array): VectorValues {
  assert(isDenseVectorType(type), `type ${type} has dense vectors`);
  const array = ARRAYS[type] as ArrayKind;
  const length = bytes.byteLength / array.BYTES_PER_ELEMENT;
  assert(Number.isInteger(length), "the bytes are whole entries");
  return new array(bytes.buffer, bytes.byteOffset, length);
}

export function bytesOfVectors(values: VectorValues): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Bytes of one entry of the array. */
export function entryBytes(type: DenseVectorType): number {
  return ARRAYS[type].BYTES_PER_ELEMENT;
}

/** Entries of the array that a row takes. */
export function vectorStride(type: DataType, dimension: number): number {
  return type === DataType.BinaryVector ? dimension / 8 : dimension;
}

export function vectorRowBytes(type: DataType, dimension: number): number {
  assert(isDenseVectorType(type), `type ${type} has dense vectors`);
  return vectorStride(type, dimension) * ARRAYS[type].BYTES_PER_ELEMENT;
}
