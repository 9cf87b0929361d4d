/** Lists of objects to the columns of an array of structs: each sub-field takes a list of what the objects have under its name. */

import { invalidParameter } from "../base/errors.ts";
import type { CollectionSchema, StructSchema } from "../model/schema.ts";
import { bareName, subFields } from "../model/structs.ts";
import { DataType } from "../model/types.ts";
import type { InputField } from "../proxy/requests.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { columnBuilder } from "./column-builders.ts";

export class StructBuilder implements ColumnBuilder {
  readonly #struct: StructSchema;
  readonly #rowCount: number;
  readonly #parts: readonly { readonly name: string; readonly builder: ColumnBuilder }[];

  constructor(schema: CollectionSchema, struct: StructSchema, rowCount: number) {
    this.#struct = struct;
    this.#rowCount = rowCount;
    this.#parts = subFields(schema, struct).map((field) => ({
      name: bareName(struct, field),
      builder: columnBuilder(field, rowCount),
    }));
  }

  put(row: number, value: unknown): void {
    if (value === null || value === undefined) {
      for (const { builder } of this.#parts) builder.put(row, null);
      return;
    }
    if (!Array.isArray(value)) throw this.#wrong(row, "takes a list of objects");
    for (const element of value) this.#check(row, element);
    for (const { name, builder } of this.#parts) {
      builder.put(
        row,
        value.map((element: Readonly<Record<string, unknown>>) => element[name]),
      );
    }
  }

  finish(transfer: ArrayBuffer[]): InputField {
    const parts = this.#parts.map(({ name, builder }) => ({ ...builder.finish(transfer), fieldName: name }));
    return {
      type: DataType.ArrayOfStruct,
      fieldName: this.#struct.name,
      isDynamic: false,
      valid: null,
      column: null,
      unsupported: false,
      rowCount: this.#rowCount,
      subFields: parts,
    };
  }

  #check(row: number, element: unknown): void {
    if (typeof element !== "object" || element === null || Array.isArray(element)) {
      throw this.#wrong(row, "takes a list of objects");
    }
    const names = this.#parts.map(({ name }) => name);
    const missing = names.find((name) => !Object.hasOwn(element, name));
    if (missing !== undefined) throw this.#wrong(row, `needs ${missing} in every element`);
    const other = Object.keys(element).find((name) => !names.includes(name));
    if (other !== undefined) throw this.#wrong(row, `has no sub-field ${other}`);
  }

  #wrong(row: number, what: string): Error {
    return invalidParameter(`row ${row}: the struct field ${this.#struct.name} ${what}`);
  }
}
