/**
 * One builder a field, which takes value after value and ends as a column: how rows, and lists of values, become what the engine reads.
 *
 * Always true:
 *  - one pass, one copy: a value goes straight to its place in a typed array or, as UTF-8, behind the text before it;
 *  - null and undefined are taken where the field is nullable or has a default, and refused elsewhere;
 *  - a value of another type is refused by row and field; nothing is rounded, cut or turned into text, except that Float is float32.
 *
 * Not here: lengths, ranges of Int8 and Int16, NaN: the engine checks those for every client.
 */

import { invalidParameter } from "../base/errors.ts";
import { type FixedValues, fixedValues } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import type { InputField } from "../proxy/requests.ts";
import { ArrayBuilder } from "./array-builder.ts";
import { type ColumnBuilder, Presence, inputField, wrongValue } from "./column-builder.ts";
import { jsonText, putInt64, wordsOf } from "./values.ts";
import { DenseBuilder, SparseBuilder } from "./vector-builders.ts";

/** @throws 1100 for a type that no row can hold yet. */
export function columnBuilder(field: FieldSchema, rowCount: number): ColumnBuilder {
  switch (field.dataType) {
    case DataType.FloatVector:
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
    case DataType.Int8Vector:
    case DataType.BinaryVector:
      return new DenseBuilder(field, field.dataType, rowCount);
    case DataType.SparseFloatVector:
      return new SparseBuilder(field, rowCount);
    case DataType.VarChar:
    case DataType.JSON:
    case DataType.Timestamptz:
    case DataType.Geometry:
      return new BytesBuilder(field, rowCount);
    case DataType.Array:
    case DataType.ArrayOfVector:
      return new ArrayBuilder(field, rowCount, columnBuilder);
    case DataType.Int64:
      return new Int64Builder(field, rowCount);
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Float:
    case DataType.Double:
      return new NumberBuilder(field, rowCount);
    default:
      throw invalidParameter(`rows cannot hold fields of type ${dataTypeName(field.dataType)} yet (${field.name})`);
  }
}

class NumberBuilder implements ColumnBuilder {
  readonly #field: FieldSchema;
  readonly #values: Exclude<FixedValues, BigInt64Array>;
  readonly #presence: Presence;

  constructor(field: FieldSchema, rowCount: number) {
    this.#field = field;
    const isNarrow = field.dataType === DataType.Int8 || field.dataType === DataType.Int16;
    // Narrow integers go as 32 bits, so that the engine sees what was out of range.
    this.#values = fixedValues(isNarrow ? DataType.Int32 : field.dataType, rowCount) as Exclude<
      FixedValues,
      BigInt64Array
    >;
    this.#presence = new Presence(field, rowCount);
  }

  put(row: number, value: unknown): void {
    if (value === null || value === undefined) return this.#presence.miss(row);
    switch (this.#field.dataType) {
      case DataType.Bool:
        if (typeof value !== "boolean") throw wrongValue(this.#field, row, value, "a boolean");
        this.#values[row] = value ? 1 : 0;
        return;
      case DataType.Float:
      case DataType.Double:
        if (typeof value !== "number") throw wrongValue(this.#field, row, value, "a number");
        this.#values[row] = value;
        return;
      default: {
        const integer = typeof value === "bigint" ? Number(value) : value;
        if (typeof integer !== "number" || (integer | 0) !== integer) {
          throw wrongValue(this.#field, row, value, "an integer of its size");
        }
        this.#values[row] = integer;
      }
    }
  }

  finish(transfer: ArrayBuffer[]): InputField {
    transfer.push(this.#values.buffer as ArrayBuffer);
    const valid = this.#presence.finish(transfer);
    return inputField(this.#field, this.#values.length, { kind: "fixed", values: this.#values }, valid);
  }
}

class Int64Builder implements ColumnBuilder {
  readonly #field: FieldSchema;
  readonly #values: BigInt64Array<ArrayBuffer>;
  readonly #words: Int32Array;
  readonly #presence: Presence;

  constructor(field: FieldSchema, rowCount: number) {
    this.#field = field;
    this.#values = new BigInt64Array(rowCount);
    this.#words = wordsOf(this.#values);
    this.#presence = new Presence(field, rowCount);
  }

  put(row: number, value: unknown): void {
    if (value === null || value === undefined) return this.#presence.miss(row);
    if (putInt64(this.#values, this.#words, row, value)) return;
    throw wrongValue(this.#field, row, value, "an integer of 64 bits (a bigint, or a number up to 2^53 - 1)");
  }

  finish(transfer: ArrayBuffer[]): InputField {
    transfer.push(this.#values.buffer);
    const valid = this.#presence.finish(transfer);
    return inputField(this.#field, this.#values.length, { kind: "fixed", values: this.#values }, valid);
  }
}

const FIRST_BYTES_A_ROW = 32;
/** UTF-8 takes at most this many bytes for one UTF-16 unit. */
const MOST_BYTES_A_UNIT = 3;
const encoder = new TextEncoder();

/** VarChar and JSON: text end to end. */
class BytesBuilder implements ColumnBuilder {
  readonly #field: FieldSchema;
  readonly #offsets: Uint32Array<ArrayBuffer>;
  readonly #presence: Presence;
  #bytes: Uint8Array<ArrayBuffer>;
  #end = 0;

  constructor(field: FieldSchema, rowCount: number) {
    this.#field = field;
    this.#offsets = new Uint32Array(rowCount + 1);
    this.#bytes = new Uint8Array(rowCount * FIRST_BYTES_A_ROW);
    this.#presence = new Presence(field, rowCount);
  }

  put(row: number, value: unknown): void {
    if (value === undefined || (value === null && (this.#field.dataType !== DataType.JSON || this.#isOptional()))) {
      this.#presence.miss(row);
    } else {
      this.#append(this.#text(row, value));
    }
    this.#offsets[row + 1] = this.#end;
  }

  finish(transfer: ArrayBuffer[]): InputField {
    const bytes = this.#bytes.subarray(0, this.#end);
    transfer.push(this.#bytes.buffer, this.#offsets.buffer);
    const valid = this.#presence.finish(transfer);
    const column = { kind: "bytes", offsets: this.#offsets, bytes } as const;
    return inputField(this.#field, this.#offsets.length - 1, column, valid);
  }

  #isOptional(): boolean {
    return this.#field.nullable || this.#field.defaultValue !== null;
  }

  #text(row: number, value: unknown): string {
    if (this.#field.dataType === DataType.Timestamptz) {
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
      if (typeof value !== "string") throw wrongValue(this.#field, row, value, "a Date or an ISO 8601 text");
      return value;
    }
    if (this.#field.dataType === DataType.VarChar || this.#field.dataType === DataType.Geometry) {
      if (typeof value !== "string") throw wrongValue(this.#field, row, value, "a string");
      return value;
    }
    try {
      const text = jsonText(value);
      if (text !== undefined) return text;
    } catch (error) {
      throw invalidParameter(`row ${row}: field ${this.#field.name} cannot be written as JSON: ${String(error)}`);
    }
    throw wrongValue(this.#field, row, value, "what JSON can say");
  }

  #append(text: string): void {
    // Most text is ASCII, so the worst case is not allocated for: what did not fit is tried again with more room.
    for (;;) {
      const { read, written } = encoder.encodeInto(text, this.#bytes.subarray(this.#end));
      if (read === text.length) {
        this.#end += written;
        return;
      }
      this.#grow(this.#end + text.length * MOST_BYTES_A_UNIT);
    }
  }

  #grow(leastBytes: number): void {
    if (leastBytes > MAX_COLUMN_BYTES) {
      throw invalidParameter(`field ${this.#field.name} is too large for one call; insert fewer rows at once`);
    }
    const larger = new Uint8Array(Math.min(MAX_COLUMN_BYTES, Math.max(this.#bytes.length * 2, leastBytes)));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

/** Far above what the log takes in one record. */
const MAX_COLUMN_BYTES = 2 ** 30;
