/** Arrays of rows to a column of arrays: the elements go through the builder of their own type, end to end. */

import { invalidParameter } from "../base/errors.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { vectorStride } from "../model/vectors.ts";
import type { InputField, InputScalars } from "../proxy/requests.ts";
import { type ColumnBuilder, Presence, inputField, wrongValue } from "./column-builder.ts";

export class ArrayBuilder implements ColumnBuilder {
  readonly #field: FieldSchema;
  readonly #rows: (readonly unknown[])[] = [];
  readonly #presence: Presence;
  readonly #builderOf: (field: FieldSchema, rowCount: number) => ColumnBuilder;

  /** `builderOf`: of the elements. */
  constructor(
    field: FieldSchema,
    rowCount: number,
    builderOf: (field: FieldSchema, rowCount: number) => ColumnBuilder,
  ) {
    this.#field = field;
    this.#builderOf = builderOf;
    this.#presence = new Presence(field, rowCount);
  }

  put(row: number, value: unknown): void {
    this.#rows[row] = [];
    if (value === null || value === undefined) return this.#presence.miss(row);
    if (Array.isArray(value)) this.#rows[row] = value;
    else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      this.#rows[row] = Array.from(value as unknown as ArrayLike<unknown>);
    } else {
      throw wrongValue(this.#field, row, value, `an array of ${dataTypeName(this.#field.elementType)}`);
    }
  }

  finish(transfer: ArrayBuffer[]): InputField {
    const { elementType, name } = this.#field;
    const offsets = new Uint32Array(this.#rows.length + 1);
    for (let row = 0; row < this.#rows.length; row += 1) offsets[row + 1] = offsets[row]! + this.#rows[row]!.length;
    const element: FieldSchema = {
      ...this.#field,
      dataType: elementType,
      elementType: DataType.None,
      nullable: false,
      defaultValue: null,
    };
    const builder = this.#builderOf(element, offsets.at(-1)!);
    let at = 0;
    for (let row = 0; row < this.#rows.length; row += 1) {
      for (const value of this.#rows[row]!) {
        if (value === null || value === undefined) {
          throw invalidParameter(`row ${row}: an element of the array ${name} is missing, and none may be null`);
        }
        try {
          builder.put(at, value);
        } catch {
          throw wrongValue(
            this.#field,
            row,
            value,
            `an array of ${dataTypeName(elementType)}; element ${at - offsets[row]!} is none`,
          );
        }
        at += 1;
      }
    }
    const column = arraysOf(elementType, offsets, builder.finish(transfer).column!);
    transfer.push(column.offsets.buffer as ArrayBuffer);
    return inputField(this.#field, this.#rows.length, column, this.#presence.finish(transfer));
  }
}

function arraysOf(
  elementType: DataType,
  offsets: Uint32Array,
  elements: NonNullable<InputField["column"]>,
): Extract<NonNullable<InputField["column"]>, { kind: "array" | "vectors" }> {
  if (elements.kind !== "vector") return { kind: "array", elementType, offsets, elements: elements as InputScalars };
  const { type, dimension, values } = elements;
  const stride = vectorStride(type, dimension);
  return { kind: "vectors", dimension, offsets: offsets.map((end) => end * stride), vectors: { type, values } };
}
