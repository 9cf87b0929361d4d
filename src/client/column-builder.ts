/** What every builder of a column is, and what they share: which entries are missing, and what is said of a value that does not fit. */

import { invalidParameter } from "../base/errors.ts";
import type { FieldSchema } from "../model/schema.ts";
import { dataTypeName } from "../model/types.ts";
import type { InputField } from "../proxy/requests.ts";

export interface ColumnBuilder {
  put(row: number, value: unknown): void;
  /** The column; its buffers are added to `transfer`. */
  finish(transfer: ArrayBuffer[]): InputField;
}

export function wrongValue(field: FieldSchema, row: number, value: unknown, wanted: string): Error {
  const shown =
    typeof value === "object" && value !== null ? (Array.isArray(value) ? "an array" : "an object") : typeof value;
  const detail = typeof value === "number" || typeof value === "bigint" ? ` ${value}` : "";
  return invalidParameter(
    `row ${row}: field ${field.name} (${dataTypeName(field.dataType)}) takes ${wanted}, not ${shown}${detail}`,
  );
}

export function inputField(
  field: FieldSchema,
  rowCount: number,
  column: NonNullable<InputField["column"]>,
  valid: Uint8Array | null,
): InputField {
  const { name: fieldName, dataType: type, isDynamic } = field;
  return { type, fieldName, isDynamic, valid, column, unsupported: false, rowCount };
}

/** Which entries are there; made when the first is missing. */
export class Presence {
  readonly #field: FieldSchema;
  readonly #rowCount: number;
  #valid: Uint8Array<ArrayBuffer> | null = null;

  constructor(field: FieldSchema, rowCount: number) {
    this.#field = field;
    this.#rowCount = rowCount;
  }

  miss(row: number): void {
    const field = this.#field;
    if (!field.nullable && field.defaultValue === null) {
      throw invalidParameter(
        `row ${row}: no value for field ${field.name} (${dataTypeName(field.dataType)}), which is not nullable and has no default`,
      );
    }
    this.#valid ??= new Uint8Array(this.#rowCount).fill(1);
    this.#valid[row] = 0;
  }

  finish(transfer: ArrayBuffer[]): Uint8Array | null {
    if (this.#valid !== null) transfer.push(this.#valid.buffer);
    return this.#valid;
  }
}
