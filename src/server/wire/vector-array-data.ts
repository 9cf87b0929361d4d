/**
 * `schema.VectorArray`, the arrays of vectors of a column on the wire, to and from offsets and vectors.
 *
 *   VectorArray   1 dim  2 data: VectorField, one a row  3 element_type
 *   VectorField   1 dim  one member with the vectors of the row end to end: 2 float_vector {1 float[]}  3, 4, 5, 7 bytes
 *
 * Always true of what is decoded: the vectors of all rows are of one member; a row with another makes the whole undecoded. Offsets
 * count entries of the values, as a row need not hold whole vectors, and its own `dim` is not looked at.
 */

import { assert } from "../../base/assert.ts";
import type { ArrayColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import {
  type DenseVectorType,
  type VectorValues,
  bytesOfVectors,
  entryBytes,
  vectorStride,
  viewedVectors,
} from "../../model/vectors.ts";
import { readFloats, readRun } from "./packed.ts";
import { BYTES, FIXED32, VARINT, type WireReader } from "./reader.ts";
import { collectValues } from "./scalar-data.ts";
import { Spans } from "./spans.ts";
import { WireWriter } from "./writer.ts";

export interface WireVectorArrays {
  readonly kind: "vectors";
  /** As the sender says of all rows; 0: it does not. */
  readonly dimension: number;
  /** In entries of the values, one more than rows. */
  readonly offsets: Uint32Array;
  /** Null when no row has any. */
  readonly vectors: { readonly type: DenseVectorType; readonly values: VectorValues } | null;
}

const FLOATS = 2;
/** Which member of a `VectorField` vectors of a type are. */
export const VECTOR_MEMBERS: Readonly<Record<DenseVectorType, number>> = {
  [DataType.FloatVector]: FLOATS,
  [DataType.BinaryVector]: 3,
  [DataType.Float16Vector]: 4,
  [DataType.BFloat16Vector]: 5,
  [DataType.Int8Vector]: 7,
};
const TYPES = new Map<number, DenseVectorType>(
  Object.entries(VECTOR_MEMBERS).map(([type, member]) => [member, Number(type) as DenseVectorType]),
);

/** Arrays of a message that is being read. */
export class VectorArrayDraft {
  #dimension = 0;
  #member = 0;
  #isForeign = false;
  readonly #values = new Spans();
  /** Bytes up to the end of each row. */
  readonly #ends: number[] = [];
  #byteLength = 0;

  clear(): void {
    this.#dimension = 0;
    this.#member = 0;
    this.#isForeign = false;
    this.#values.clear();
    this.#ends.length = 0;
    this.#byteLength = 0;
  }

  read(reader: WireReader): void {
    while (reader.next()) {
      if (reader.is(1, VARINT)) this.#dimension = Number(reader.int64());
      else if (reader.is(2, BYTES)) this.#row(reader.message());
      else reader.skip();
    }
  }

  /** Null for vectors of kinds that are not decoded, or of several. */
  finish(bytes: Uint8Array, mayOverwrite: boolean): WireVectorArrays | null {
    const type = TYPES.get(this.#member);
    const width = type === undefined ? 1 : entryBytes(type);
    if (this.#isForeign || this.#ends.some((end) => end % width !== 0)) return null;
    const offsets = new Uint32Array(this.#ends.length + 1);
    for (let row = 0; row < this.#ends.length; row += 1) offsets[row + 1] = this.#ends[row]! / width;
    const vectors = type === undefined ? null : { type, values: this.#read(bytes, type, mayOverwrite) };
    return { kind: "vectors", dimension: this.#dimension, offsets, vectors };
  }

  #read(bytes: Uint8Array, type: DenseVectorType, mayOverwrite: boolean): VectorValues {
    if (type === DataType.FloatVector) return readFloats(bytes, this.#values, mayOverwrite);
    return viewedVectors(type, readRun(bytes, this.#values, entryBytes(type), mayOverwrite));
  }

  #row(reader: WireReader): void {
    const from = this.#values.count;
    let member = 0;
    while (reader.next()) {
      const { field } = reader;
      if (reader.wireType !== BYTES || field > 99) reader.skip();
      else {
        // A oneof keeps its last member; floats, which are a message, go on where they were.
        if (member !== field || field !== FLOATS) this.#values.truncate(from);
        member = field;
        if (field === FLOATS) collectValues(reader.message(), FIXED32, this.#values);
        else {
          const start = reader.skip();
          if (TYPES.has(field)) this.#values.add(start, reader.offset);
          else if (reader.offset > start) this.#isForeign = true;
        }
      }
    }
    const byteLength = this.#values.byteLength(from);
    if (byteLength > 0) {
      if (this.#member !== 0 && this.#member !== member) this.#isForeign = true;
      this.#member = member;
    }
    this.#byteLength += byteLength;
    this.#ends.push(this.#byteLength);
  }
}

/** A `VectorField`; null rows are rows without vectors, so that every row has its place. */
export function encodeVectorArrays({ elements, offsets }: ArrayColumn): WireWriter {
  assert(elements.kind === "vector", "arrays of vectors");
  const { type, dimension, values } = elements;
  const stride = vectorStride(type, dimension);
  const arrays = new WireWriter();
  arrays.int64(1, BigInt(dimension));
  for (let row = 0; row < offsets.length - 1; row += 1) {
    const own = values.subarray(offsets[row]! * stride, offsets[row + 1]! * stride);
    arrays.message(2, encodeVectorField(type as DenseVectorType, dimension, own));
  }
  arrays.uint32(3, type);
  const vectors = new WireWriter();
  vectors.int64(1, BigInt(dimension));
  vectors.message(8, arrays);
  return vectors;
}

/** `VectorField` with these vectors, end to end. */
export function encodeVectorField(type: DenseVectorType, dimension: number, values: VectorValues): WireWriter {
  const vectors = new WireWriter();
  vectors.int64(1, BigInt(dimension));
  const bytes = bytesOfVectors(values);
  if (type === DataType.FloatVector) {
    const floats = new WireWriter();
    floats.bytes(1, bytes);
    vectors.message(FLOATS, floats);
  } else vectors.bytesAlways(VECTOR_MEMBERS[type], bytes);
  return vectors;
}
