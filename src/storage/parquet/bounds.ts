/**
 * Smallest and largest value of a column chunk, for readers that skip row groups.
 *
 * Always true: bounds are exact or absent. They are absent for vectors, arrays, JSON and other binary, where all entries are null, where a
 * NaN makes them undefined, and for text longer than `TEXT_BOUND_BYTES`. Zeros of floats are widened to -0 and +0, as Parquet asks.
 */

import { type Column, bytesAt } from "../../model/columns.ts";
import type { ChunkBounds } from "./footer.ts";
import { type FileField, physicalOf } from "./physical.ts";
import type { RowRange } from "./encode.ts";
import { encodeValues } from "./encode.ts";

const TEXT_BOUND_BYTES = 128;

export class BoundsFinder {
  readonly #column: Column;
  readonly #isText: boolean;
  #lowest = -1;
  #highest = -1;
  #undefined: boolean;

  constructor(field: FileField, column: Column) {
    this.#column = column;
    this.#isText = column.kind === "bytes" && physicalOf(field).isText;
    this.#undefined = column.kind === "vector" || column.kind === "array" || (column.kind === "bytes" && !this.#isText);
  }

  look(rows: RowRange): void {
    if (this.#undefined) return;
    const column = this.#column;
    const { valid } = column;
    for (let row = rows.from; row < rows.to; row += 1) {
      if (valid !== null && valid[row] === 0) continue;
      if (this.#lowest < 0) {
        this.#lowest = row;
        this.#highest = row;
        if (!this.#isNumber(row)) break;
      } else if (column.kind === "bytes") {
        const entry = bytesAt(column, row);
        if (Buffer.compare(entry, bytesAt(column, this.#lowest)) < 0) this.#lowest = row;
        else if (Buffer.compare(entry, bytesAt(column, this.#highest)) > 0) this.#highest = row;
      } else if (column.kind === "fixed") {
        const value = column.values[row]!;
        if (value < column.values[this.#lowest]!) this.#lowest = row;
        else if (value > column.values[this.#highest]!) this.#highest = row;
        else if (!this.#isNumber(row)) break;
      }
    }
  }

  bounds(): ChunkBounds | null {
    if (this.#undefined || this.#lowest < 0) return null;
    const minimum = this.#valueAt(this.#lowest);
    const maximum = this.#valueAt(this.#highest);
    if (this.#isText && Math.max(minimum.byteLength, maximum.byteLength) > TEXT_BOUND_BYTES) return null;
    if (this.#column.kind === "fixed") widenZero(this.#column.values, this.#lowest, this.#highest, minimum, maximum);
    return { minimum, maximum };
  }

  #isNumber(row: number): boolean {
    const value = this.#column.kind === "fixed" ? this.#column.values[row] : 0;
    if (!Number.isNaN(value)) return true;
    this.#undefined = true;
    return false;
  }

  #valueAt(row: number): Uint8Array {
    if (this.#column.kind === "bytes") return bytesAt(this.#column, row);
    return encodeValues({ ...this.#column, valid: null }, { from: row, to: row + 1 }).slice();
  }
}

function widenZero(
  values: ArrayLike<number | bigint>,
  lowest: number,
  highest: number,
  minimum: Uint8Array,
  maximum: Uint8Array,
): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
  if (values[lowest] === 0) minimum[minimum.byteLength - 1] = 0x80;
  if (values[highest] === 0) maximum[maximum.byteLength - 1] = 0;
}
