/**
 * Builders of vector columns.
 *
 *   FloatVector                      a Float32Array, Float64Array or array of numbers, as many as the dimension
 *   Float16Vector, BFloat16Vector    the same; the engine rounds
 *   Int8Vector                       an Int8Array or array of integers from -128 to 127
 *   BinaryVector                     a Uint8Array or array of bytes, an eighth of the dimension, most significant bit first
 *   SparseFloatVector                an object or Map from index to value
 *
 * Null and undefined are taken where the field is nullable.
 */

import type { FieldSchema } from "../model/schema.ts";
import { MAX_SPARSE_INDEX, SPARSE_PAIR_BYTES } from "../model/sparse.ts";
import { DataType } from "../model/types.ts";
import { type DenseVectorType, type VectorValues, vectorStride, vectorValues } from "../model/vectors.ts";
import type { InputField } from "../proxy/requests.ts";
import { type ColumnBuilder, Presence, inputField, wrongValue } from "./column-builder.ts";

interface Form {
  /** The type whose vectors are sent. */
  readonly sent: DenseVectorType;
  readonly words: (length: number) => string;
  readonly takes: (value: unknown) => value is ArrayLike<number>;
  readonly holds: (entry: unknown) => entry is number;
}

const FLOATS: Form = {
  sent: DataType.FloatVector,
  words: (length) => `a Float32Array or an array of ${length} numbers`,
  takes: (value) => value instanceof Float32Array || value instanceof Float64Array,
  holds: (entry) => typeof entry === "number",
};

const FORMS: Readonly<Record<DenseVectorType, Form>> = {
  [DataType.FloatVector]: FLOATS,
  [DataType.Float16Vector]: FLOATS,
  [DataType.BFloat16Vector]: FLOATS,
  [DataType.Int8Vector]: {
    sent: DataType.Int8Vector,
    words: (length) => `an Int8Array or an array of ${length} integers from -128 to 127`,
    takes: (value) => value instanceof Int8Array,
    holds: (entry): entry is number => isInteger(entry, -128, 127),
  },
  [DataType.BinaryVector]: {
    sent: DataType.BinaryVector,
    words: (length) => `a Uint8Array or an array of ${length} bytes`,
    takes: (value) => value instanceof Uint8Array,
    holds: (entry): entry is number => isInteger(entry, 0, 255),
  },
};

function isInteger(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

export class DenseBuilder implements ColumnBuilder {
  readonly #field: FieldSchema;
  readonly #rowCount: number;
  readonly #form: Form;
  readonly #stride: number;
  readonly #values: VectorValues;
  readonly #presence: Presence;

  constructor(field: FieldSchema, type: DenseVectorType, rowCount: number) {
    this.#field = field;
    this.#rowCount = rowCount;
    this.#form = FORMS[type];
    this.#stride = vectorStride(type, field.dimension);
    this.#values = vectorValues(this.#form.sent, rowCount * this.#stride);
    this.#presence = new Presence(field, rowCount);
  }

  put(row: number, value: unknown): void {
    if (value === null || value === undefined) return this.#presence.miss(row);
    const stride = this.#stride;
    const wanted = this.#form.words(stride);
    const isOwn = this.#form.takes(value);
    if (!isOwn && !Array.isArray(value)) throw wrongValue(this.#field, row, value, wanted);
    const entries = value as ArrayLike<unknown>;
    if (entries.length !== stride) throw wrongValue(this.#field, row, entries.length, wanted);
    if (isOwn) return this.#values.set(value, row * stride);
    for (let place = 0; place < stride; place += 1) {
      const entry = entries[place];
      if (!this.#form.holds(entry)) throw wrongValue(this.#field, row, entry, `${wanted}; entry ${place} is none`);
      this.#values[row * stride + place] = entry;
    }
  }

  finish(transfer: ArrayBuffer[]): InputField {
    transfer.push(this.#values.buffer as ArrayBuffer);
    const { dimension } = this.#field;
    const column = { kind: "vector", type: this.#form.sent, dimension, values: this.#values } as const;
    return inputField(this.#field, this.#rowCount, column, this.#presence.finish(transfer));
  }
}

const SPARSE_WORDS = "an object or Map from index (0 to 4294967294) to number";

export class SparseBuilder implements ColumnBuilder {
  readonly #field: FieldSchema;
  readonly #entries: Uint8Array[] = [];
  readonly #presence: Presence;

  constructor(field: FieldSchema, rowCount: number) {
    this.#field = field;
    this.#presence = new Presence(field, rowCount);
  }

  put(row: number, value: unknown): void {
    if (value === null || value === undefined) {
      this.#presence.miss(row);
      this.#entries.push(new Uint8Array());
      return;
    }
    const entry = sparseBytes(value);
    if (entry === null) throw wrongValue(this.#field, row, value, SPARSE_WORDS);
    this.#entries.push(entry);
  }

  finish(transfer: ArrayBuffer[]): InputField {
    const offsets = new Uint32Array(this.#entries.length + 1);
    for (const [row, entry] of this.#entries.entries()) offsets[row + 1] = offsets[row]! + entry.byteLength;
    const bytes = new Uint8Array(offsets[this.#entries.length]!);
    for (const [row, entry] of this.#entries.entries()) bytes.set(entry, offsets[row]);
    transfer.push(offsets.buffer, bytes.buffer);
    const column = { kind: "sparse", dimension: 0, offsets, bytes } as const;
    return inputField(this.#field, this.#entries.length, column, this.#presence.finish(transfer));
  }
}

/** Pairs in ascending order of their index; null for what is no sparse vector. Values are checked by the engine. */
export function sparseBytes(value: unknown): Uint8Array<ArrayBuffer> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return null;
  const pairs: [number, number][] = [];
  for (const [key, weight] of value instanceof Map ? value : Object.entries(value)) {
    const index = typeof key === "string" && /^\d{1,10}$/.test(key) ? Number(key) : key;
    if (!isInteger(index, 0, MAX_SPARSE_INDEX) || typeof weight !== "number") return null;
    pairs.push([index, weight]);
  }
  pairs.sort(([left], [right]) => left - right);
  const bytes = new Uint8Array(pairs.length * SPARSE_PAIR_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [at, [index, weight]] of pairs.entries()) {
    view.setUint32(at * SPARSE_PAIR_BYTES, index, true);
    view.setFloat32(at * SPARSE_PAIR_BYTES + 4, weight, true);
  }
  return bytes;
}
